"""Explains why attacks work: `python -m eval.interpretability`.

Attacks images with each of --attacks, as eval.attack does, and measures which part of the perturbations lies where
adversarial saliency and class activation say that the image is most sensitive (section 6 of the paper). Writes
interpretability.md, .csv and .json, scores.png (Fig. 3a), overlays.png (Fig. 3b, 3c, A2), heat_maps.png (Fig. 2), the
three also as PDF, and report.html. Finished runs are not repeated.
"""

from __future__ import annotations

from absl import flags as absl_flags

from . import flags

_ATTACKS = absl_flags.DEFINE_list(
    "attacks",
    ["strattack", "cw_l2"],
    "Attacks whose perturbations are explained; the first is compared with the others.",
)
_PERCENTILES = absl_flags.DEFINE_list(
    "percentiles",
    ["30", "40", "50", "60", "70", "80", "90"],
    "Percentiles of the scores; a region is what lies above one of them.",
)
_FORM = absl_flags.DEFINE_enum(
    "form",
    "pair",
    ["pair", "full"],
    "Adversarial saliency: pair, by eq. (61), or full, which includes all other classes, by eq. (60).",
)
OPTIONS = flags.options({"Explanation": [_ATTACKS, _PERCENTILES, _FORM]}, without=["attack", "tensorboard_dir"])


def main() -> None:
    """Explains the attacks that the flags name."""
    from .studies.interpretation.program import explain

    explain(_ATTACKS.value, _PERCENTILES.value, _FORM.value)


def cli() -> None:
    """The program."""
    flags.run_program(main, __doc__, OPTIONS)


if __name__ == "__main__":
    cli()
