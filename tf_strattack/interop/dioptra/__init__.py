"""The structured attack in Dioptra (https://pages.nist.gov/dioptra): `strattack.toml` with its plugin `strattack/`.

Dioptra gets copies of these two. What their tasks do is here, and needs nothing of Dioptra.
"""

from tf_strattack.interop.dioptra.running import Attacked, attack_dataset, measure_datasets

__all__ = ["Attacked", "attack_dataset", "measure_datasets"]
