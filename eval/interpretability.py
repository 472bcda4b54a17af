"""Why attacks work: `python -m eval.interpretability`.

Attacks images with each of --attacks, as eval.attack does, and measures which part of their perturbations lies where
adversarial saliency and class activation say that the image is most sensitive (section 6 of the paper). Writes
interpretability.md, .csv and .json, scores.png (Fig. 3a), overlays.png (Fig. 3b, 3c, A2), heat_maps.png (Fig. 2), the
three also as PDF, and report.html. Runs that are finished are not done again.
"""

from __future__ import annotations

from absl import flags as absl_flags

from . import flags

_ATTACKS = absl_flags.DEFINE_list(
    "attacks", ["strattack", "cw_l2"], "Whose perturbations are explained; the first is set against the others."
)
_PERCENTILES = absl_flags.DEFINE_list(
    "percentiles", ["30", "40", "50", "60", "70", "80", "90"], "Of the scores above which a region begins."
)
_FORM = absl_flags.DEFINE_enum(
    "form",
    "pair",
    ["pair", "full"],
    "Adversarial saliency by eq. (61), pair, or with all other classes by eq. (60), full.",
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
