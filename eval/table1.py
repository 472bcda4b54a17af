"""Compares attacks as the paper's Table 1 does: `python -m eval.table1 --dataset=mnist --data_dir=DIR`.

Each attack is a run of eval.attack in --output_dir/attacks. Writes table1.md, .csv, .json and .png with the paper's
rows below ours, the front over tau and the paper's other claims; heat_maps.png and .pdf (Fig. 2); and report.html.
Finished runs are not repeated, an interrupted run is resumed, and attacks can be added later. The default model is the
shipped one for the data set.
"""

from __future__ import annotations

from absl import flags as absl_flags

from . import flags
from .studies.comparison.names import DEFAULT

_ATTACKS = absl_flags.DEFINE_list("attacks", list(DEFAULT), "The rows of the table; --list_attacks prints all attacks.")
_TAUS = absl_flags.DEFINE_list(
    "taus", ["0.25", "1", "2", "4"], "Values of tau for the front: StrAttack runs with each of them and its default."
)
_CLAIMS = absl_flags.DEFINE_bool(
    "claims", True, "Also measure the claims of the paper outside its table, as far as the rows allow."
)
OPTIONS = flags.options(
    {"Comparison": [_ATTACKS, _TAUS, _CLAIMS]}, without=["attack", "tensorboard_dir"], num_images=100
)


def main() -> None:
    """Runs the comparison that the flags describe."""
    from .studies.comparison.program import compare

    compare(_ATTACKS.value, _TAUS.value, claims=_CLAIMS.value)


def cli() -> None:
    """The program."""
    flags.run_program(main, __doc__, OPTIONS)


if __name__ == "__main__":
    cli()
