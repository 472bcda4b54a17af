"""The report of the comparison: the attacks next to the paper's, the front over tau, the claims, and the examples."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.figure import Figure as Drawing

from tf_strattack import Classifier
from tf_strattack.programs.command_line import public_name

from ...inputs.groups import Grouping
from ...report.building import cases_table, drawings, parameters_of, with_examples
from ...report.examples import batches_of
from ...report.page import REPORT, Figure, Page, write_page
from ...runs.reading import results_in
from ...tables.measures import SYMBOLS, explain_accuracies, format_value, numbered
from ..study import Study
from .figure import comparison_chart
from .names import BASELINE, OURS
from .tables import tables_of

HEAT_MAPS = "heat_maps.png"
HEAT_MAP_FILES = (HEAT_MAPS, "heat_maps.pdf")


def write_comparison_report(
    study: Study, class_names: Mapping[int, str], grouping: Grouping, network: Classifier, heat_maps: Drawing | None
) -> None:
    """Writes report.html next to the tables, with the examples of the runs in attacks/.

    Args:
      study: the finished rows and claims.
      class_names: known names of classes, by index.
      grouping: the groups of pixels.
      network: the attacked network, for predictions in the examples.
      heat_maps: a figure of two attacks side by side; None without both of them.
    """
    directory, figures, claims = study.directory, study.facts, study.claims()
    rows = [row for row in study.rows() if row["shown"] or row["tau"] is not None]
    by_name, main = {row["name"]: row for row in rows}, [row for row in rows if row["shown"]]
    names = [row["name"] for row in main]
    page = Page(
        title=f"Attacks on {public_name(figures['model'])}, {public_name(figures['dataset'])}",
        command=figures["command"],
        facts={**figures, **_latest(rows), "commands": {name: row["command"] for name, row in by_name.items()}},
        summary=", ".join(
            numbered(*pair)
            for pair in ((len(rows), "run"), (rows[0]["num_images"], "image"), (rows[0]["num_examples"], "example"))
        )
        + " each",
        figures=_headline(by_name),
        parameters=parameters_of(figures, {row["name"]: row["attack_parameters"] for row in main}),
        opening=[comparison_chart(rows)],
        tables=[*tables_of(rows, claims), cases_table(by_name)],
        charts=drawings(("Two attacks side by side", "The groups that two attacks change in some images.", heat_maps)),
    )
    totals = {name: by_name[name]["num_examples"] for name in names}
    runs = {name: batches_of(results_in(directory / "attacks" / name), grouping) for name in names}
    page = with_examples(page, runs, totals, class_names, dict.fromkeys(names, network))
    write_page(directory / REPORT, page)


def _latest(rows: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Versions and time of the run that finished last."""
    last = max(rows, key=lambda row: str(row["finished_at"]))
    return {"versions": last["versions"], "finished_at": last["finished_at"]}


def _headline(by_name: Mapping[str, Mapping[str, Any]]) -> list[Figure]:
    """Our attack's success, its distances relative to the baseline (average case), and the network's accuracy."""
    first = by_name.get(OURS, next(iter(by_name.values())))
    ours, baseline = first["average"], by_name.get(BASELINE, {}).get("average")
    clean, *_ = (Figure(*line) for line in explain_accuracies(first))
    figures = [Figure(f"success of {first['name']}", format_value("asr", ours["asr"]), "average case"), clean]
    for measure, symbol in SYMBOLS.items():
        if measure == "asr" or ours[measure] is None:
            continue
        base = None if baseline is None else baseline[measure]
        compared = f"{ours[measure] / base:.2f} × that of {BASELINE}" if base and first["name"] != BASELINE else "mean"
        figures.append(Figure(symbol, format_value(measure, ours[measure]), compared))
    gradients = f"{first['gradient_evaluations_per_example']:.0f}"
    groups = format_value("nonzero_groups", ours["nonzero_groups"])
    return [*figures, Figure("groups", groups, "changed, mean"), Figure("gradients", gradients, "per example")]
