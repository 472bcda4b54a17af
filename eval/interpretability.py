"""Why attacks work: `python -m eval.interpretability`; --help lists the flags.

Attacks images with each of --attacks, as eval.attack does, and measures which part of their perturbations lies where
adversarial saliency and class activation say that the image is most sensitive (section 6 of the paper). Writes
interpretability.md, .csv and .json, scores.png (Fig. 3a), overlays.png (Fig. 3b, 3c, A2), heat_maps.png (Fig. 2), the
three also as PDF, and report.html. Runs that are finished are not done again.
"""

from __future__ import annotations

from absl import flags as absl_flags

from eval import flags
from eval.comparison.choice import choose, shards_of
from eval.comparison.opening import open_comparison
from eval.comparison.rows import BASELINE, OURS, check_attacks
from eval.figures import draw_heat_maps
from eval.inputs.attacks import describe_attacks
from eval.interpretation.figures import draw_overlays, draw_scores
from eval.interpretation.report import write_explanation_report
from eval.interpretation.scores import Explanation, score
from eval.interpretation.tables import summarise_scores, write_scores
from eval.program import run
from eval.steps import run_steps
from tf_strattack import InputError
from tf_strattack.interpret import FORMS

_ATTACKS = absl_flags.DEFINE_list(
    "attacks", [OURS, BASELINE], "Whose perturbations are explained; the first is set against the others."
)
_PERCENTILES = absl_flags.DEFINE_list(
    "percentiles", ["30", "40", "50", "60", "70", "80", "90"], "Of the scores above which a region begins."
)
_FORM = absl_flags.DEFINE_enum(
    "form", FORMS[0], FORMS, "Adversarial saliency by eq. (61), pair, or with all other classes by eq. (60), full."
)


def main() -> None:
    """Wires flags, runs, scores, tables and figures together."""
    if flags.LIST_ATTACKS.value:
        print(describe_attacks())
        return
    names = check_attacks(_ATTACKS.name, _ATTACKS.value)
    percentiles = sorted(flags.positive_numbers(_PERCENTILES.name, _PERCENTILES.value, float))
    if not percentiles or percentiles[-1] >= 100:
        raise InputError(f"expected --percentiles between 0 and 100, received {','.join(_PERCENTILES.value)!r}")
    if flags.TARGETS.value == "untargeted":
        raise InputError("expected --targets with targets, which saliency is about, received untargeted")
    opened = open_comparison("eval.interpretability")
    comparison, network, figures = opened
    directory = comparison.directory
    rows = [comparison.row(name) for name in names]
    for row in rows:
        run_steps(row.name, [row.step])
    explanation = Explanation.of(network.classifier, _FORM.value)
    table = score(shards_of(rows), explanation, percentiles)
    if not len(table.chosen):
        raise InputError(f"expected an example in which all of {', '.join(names)} succeed, received none")
    figures = {**figures, "attacks": {row.name: row.command for row in rows}, **summarise_scores(table, explanation)}
    text = write_scores(directory, figures)
    draw_scores(directory / "scores.png", figures)
    class_names = opened.class_names()
    if len(names) > 1:
        shown = choose(rows[:2], table.chosen, seed=flags.SEED.value)
        draw_overlays(directory / "overlays.png", shown, explanation, class_names)
        group_size = flags.GROUP_SIZE.value
        draw_heat_maps(directory / "heat_maps.png", dict(reversed(shown.items())), class_names, group_size=group_size)
    else:
        for name in ("overlays", "heat_maps"):  # of an earlier pair
            for suffix in (".png", ".pdf"):
                (directory / name).with_suffix(suffix).unlink(missing_ok=True)
    write_explanation_report(directory, figures, {row.name: row.run for row in rows}, class_names)
    print(f"\n{text}\nwritten to {directory}")


if __name__ == "__main__":
    run(main)
