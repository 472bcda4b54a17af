"""Compares attacks as the paper's Table 1 does: `python -m eval.table1 --dataset=mnist --data_dir=DIR`.

Each attack is a run of eval.attack under --output_dir/attacks. Writes table1.md, .csv, .json and .png with the paper's
rows beneath ours, the front over tau and the paper's other claims; heat_maps.png and .pdf (Fig. 2); and report.html.
Finished runs are not repeated, a stopped one is resumed, and attacks can be added later. If no model is named, the
shipped one for the data set is attacked.
"""

from __future__ import annotations

from absl import flags as absl_flags

from . import flags
from .studies.comparison.names import DEFAULT

_ATTACKS = absl_flags.DEFINE_list(
    "attacks", list(DEFAULT), "The rows of the table; --list_attacks prints all there are."
)
_TAUS = absl_flags.DEFINE_list(
    "taus", ["0.25", "1", "2", "4"], "Values of tau for the front: StrAttack runs at each of them and at its default."
)
_CLAIMS = absl_flags.DEFINE_bool(
    "claims", True, "Measure the paper's claims that are not in the table, where the rows allow it."
)
OPTIONS = flags.options(
    {"Comparison": [_ATTACKS, _TAUS, _CLAIMS]}, without=["attack", "tensorboard_dir"], num_images=100
)


def main() -> None:
    """Compares the attacks that the flags name."""
    from .studies.comparison.program import compare

    compare(_ATTACKS.value, _TAUS.value, claims=_CLAIMS.value)


def cli() -> None:
    """The program."""
    flags.run_program(main, __doc__, OPTIONS)


if __name__ == "__main__":
    cli()
