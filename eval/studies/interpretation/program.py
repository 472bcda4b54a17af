"""eval.interpretability: runs of several attacks, and the share of their perturbations that the maps explain."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tf_strattack import InputError
from tf_strattack.programs.streams import printable

from ... import flags
from ...figures.examples import draw_heat_maps
from ...report.page import REPORT
from ...runs import flags as engine_flags
from ...runs.reading import metrics_in
from ..comparison.choice import choose, shards_of
from ..comparison.rows import AttackRow, check_attacks
from ..comparison.shared_setup import set_up
from .figures import draw_overlays, draw_scores
from .report import Drawn, write_explanation_report
from .scores import Explanation, score
from .tables import FILES, summarise_scores, write_scores

# The figures of two attacks.
_PAIRED = tuple(f"{name}.{kind}" for name in ("overlays", "heat_maps") for kind in ("png", "pdf"))


def explain(attacks: Sequence[str], given: Sequence[str], form: str) -> None:
    """Attacks with each of `attacks`, scores the perturbations at the percentiles `given`, and writes the results.

    Raises:
      InputError: an unknown attack, percentiles out of range, or a flag that does not fit.
    """
    names = check_attacks("attacks", attacks)
    percentiles = sorted(flags.positive_numbers("percentiles", given, float))
    if not percentiles or percentiles[-1] >= 100:
        raise InputError(f"expected --percentiles between 0 and 100, received {','.join(given)!r}")
    if flags.TARGETS.value == "untargeted":
        raise InputError("expected target classes in --targets, which saliency needs, received untargeted")
    setup = set_up("eval.interpretability", names)
    comparison = setup.comparison
    rows = [comparison.row(name) for name in names]
    if engine_flags.VERIFY.value:
        print(setup.verify(rows))
        return
    study = setup.study()
    setup.announce(study.todo(rows))
    list(study.make(rows, _read_row))
    explanation = Explanation.of(setup.network.classifier, form)
    table = score(shards_of(rows), explanation, percentiles)
    if not len(table.chosen):
        raise InputError(f"expected an example in which all of {', '.join(names)} succeed, received none")
    commands = {row["name"]: row["command"] for row in study.rows() if row["name"] in names}
    figures = {
        **study.facts,
        "attacks": {name: commands[name] for name in names},
        **summarise_scores(table, explanation),
    }
    text = write_scores(study.directory, figures)
    draw_scores(study.directory / "scores.png", figures)
    class_names, drawn = setup.class_names(), Drawn(None, None)
    if len(names) > 1:
        shown = choose(rows[:2], table.chosen, seed=flags.SEED.value)
        overlays = draw_overlays(study.directory / "overlays.png", shown, explanation, class_names)
        pair, path = dict(reversed(shown.items())), study.directory / "heat_maps.png"
        drawn = Drawn(overlays, draw_heat_maps(path, pair, class_names, grouping=setup.grouping))
    else:
        for name in _PAIRED:  # left from an earlier pair
            (study.directory / name).unlink(missing_ok=True)
    runs = {row.name: row.run for row in rows}
    write_explanation_report(study.directory, figures, runs, class_names, setup, drawn)
    study.seal([*FILES, "scores.png", "scores.pdf", *_PAIRED, REPORT])
    print(printable(f"\n{text}\nwritten to {study.directory}"))


def _read_row(row: AttackRow) -> dict[str, Any]:
    return {"name": row.name, "command": metrics_in(row.run)["command"]}
