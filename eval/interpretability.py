"""Explains why attacks work: `python -m eval.interpretability`.

Attacks images with each of --attacks, as eval.attack does, and measures the part of each perturbation in the regions
that adversarial saliency and class activation mark as most sensitive (section 6 of the paper). Writes
interpretability.md, .csv and .json; scores (Fig. 3a), overlays (Fig. 3b, 3c, A2) and heat_maps (Fig. 2), each as .png
and .pdf; and report.html. Finished runs are not repeated.
"""

from __future__ import annotations

from absl import flags as absl_flags

from . import flags

_ATTACKS = absl_flags.DEFINE_list(
    "attacks",
    ["strattack", "cw_l2"],
    "Attacks to explain; the first is compared with the others.",
)
_PERCENTILES = absl_flags.DEFINE_list(
    "percentiles",
    ["30", "40", "50", "60", "70", "80", "90"],
    "Percentiles of the scores; the pixels above a percentile form a region.",
)
_FORM = absl_flags.DEFINE_enum(
    "form",
    "pair",
    ["pair", "full"],
    "Adversarial saliency: pair, eq. (61), or full, eq. (60), which includes all other classes.",
)
OPTIONS = flags.options({"Explanation": [_ATTACKS, _PERCENTILES, _FORM]}, without=["attack", "tensorboard_dir"])


def main() -> None:
    """Runs the explanation that the flags describe."""
    from .studies.interpretation.program import explain

    explain(_ATTACKS.value, _PERCENTILES.value, _FORM.value)


def cli() -> None:
    """The program."""
    flags.run_program(main, __doc__, OPTIONS)


if __name__ == "__main__":
    cli()
