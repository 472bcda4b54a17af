"""The comparison as a report: every row in sortable tables, and the examples of all attacks side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..report.building import accuracy_table, cases_table, pictures, with_examples
from ..report.examples import Batch
from ..report.page import REPORT, Cell, Page, Table, write_page
from ..runs import results_in
from ..table import CASES, MEASURES, SYMBOLS, format_paper, known, numbered

HEAT_MAPS = "heat_maps.png"
_COSTS = {
    "gradient_evaluations_per_example": "gradients",
    "forward_evaluations_per_example": "forward passes",
    "seconds_per_example": "seconds",
}


def write_comparison_report(
    directory: Path, figures: Mapping[str, Any], rows: Sequence[Mapping[str, Any]], class_names: Mapping[int, str]
) -> None:
    """Writes report.html beside the tables; `rows` as in table1.json, whose runs are in attacks/."""
    by_name = {row["name"]: row for row in rows}
    page = Page(
        title=f"Attacks on {figures['model']}, {figures['dataset']}",
        command=figures["command"],
        facts={**figures, "commands": {name: row["command"] for name, row in by_name.items()}},
        summary=", ".join(
            numbered(*pair)
            for pair in ((len(rows), "run"), (rows[0]["num_images"], "image"), (rows[0]["num_examples"], "example"))
        )
        + " each",
        tables=[
            cases_table(by_name),
            *_paper([row for row in rows if row["paper"]]),
            *_accuracies(by_name),
            _costs(by_name),
        ],
        pictures=pictures(
            directory,
            ("table1.png", "How many entries change, and by how much", "The average case as points."),
            (HEAT_MAPS, "Two attacks side by side", "Where each of two attacks changes some images, by groups."),
        ),
    )
    shown = {row["name"]: row["num_examples"] for row in rows if row["shown"]}
    runs = {name: map(Batch.of, results_in(directory / "attacks" / name)) for name in shown}
    write_page(directory / REPORT, with_examples(page, runs, shown, class_names, group_size=figures["group_size"]))


def _accuracies(by_name: Mapping[str, Mapping[str, Any]]) -> list[Table]:
    names = known(by_name.values(), "clean_accuracy", "robust_accuracy")
    return [accuracy_table(by_name, names, heading="attack")] if names else []


def _paper(rows: Sequence[Mapping[str, Any]]) -> list[Table]:
    cells = [
        [Cell(row["name"], row["name"]), Cell(case, order)]
        + [Cell(format_paper(m, row["paper"][case][m]), row["paper"][case][m]) for m in MEASURES]
        for row in rows
        for order, case in enumerate(CASES)
    ]
    table = Table("The paper's figures", ["attack", "case", *(SYMBOLS[m] for m in MEASURES)], cells, "On its networks.")
    return [table] if rows else []


def _costs(by_name: Mapping[str, Mapping[str, Any]]) -> Table:
    cells = [[Cell(name, name), *(_cost(row[cost]) for cost in _COSTS)] for name, row in by_name.items()]
    return Table("Cost of an example", ["attack", *_COSTS.values()], cells)


def _cost(value: float) -> Cell:
    return Cell(f"{value:.3g}" if value < 1 else f"{value:.0f}", value)
