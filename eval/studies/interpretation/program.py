"""eval.interpretability: runs of several attacks, and how much of their perturbations the maps explain."""

from __future__ import annotations

from collections.abc import Sequence

from tf_strattack import InputError

from ... import flags
from ...figures.examples import draw_heat_maps
from ..comparison.choice import choose, shards_of
from ..comparison.opening import open_comparison
from ..comparison.rows import check_attacks
from ..steps import run_steps
from .figures import draw_overlays, draw_scores
from .report import write_explanation_report
from .scores import Explanation, score
from .tables import summarise_scores, write_scores


def explain(attacks: Sequence[str], given: Sequence[str], form: str) -> None:
    """Attacks with each of `attacks`, scores their perturbations at the percentiles `given`, and writes all of it.

    Raises:
      InputError: an attack that is unknown, percentiles out of range, or a flag that does not fit.
    """
    names = check_attacks("attacks", attacks)
    percentiles = sorted(flags.positive_numbers("percentiles", given, float))
    if not percentiles or percentiles[-1] >= 100:
        raise InputError(f"expected --percentiles between 0 and 100, received {','.join(given)!r}")
    if flags.TARGETS.value == "untargeted":
        raise InputError("expected --targets with targets, which saliency is about, received untargeted")
    opened = open_comparison("eval.interpretability")
    comparison, network, figures = opened
    directory = comparison.directory
    rows = [comparison.row(name) for name in names]
    opened.announce(rows)
    for row in rows:
        run_steps(row.name, [row.step])
    explanation = Explanation.of(network.classifier, form)
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
