"""The study as a report: a sortable table of the networks, and the examples that each was attacked with."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ...report.building import cases_table, with_examples
from ...report.examples import Batch
from ...report.page import REPORT, Page, write_page
from ...runs.reading import results_in
from ...tables.measures import numbered
from .tables import tables_of


def write_study_report(
    directory: Path, figures: Mapping[str, Any], rows: Sequence[dict[str, Any]], runs: Mapping[str, Path]
) -> None:
    """Writes report.html; `rows` as in defenses.json, `runs` the directories of those whose examples are shown."""
    by_name = {row["defense"]: row for row in rows}
    page = Page(
        title=f"Defences of {figures['dataset']} networks against {figures['attack']}",
        command=figures["command"],
        facts={**figures, "commands": {name: row["commands"] for name, row in by_name.items()}},
        summary=numbered(len(rows), "network"),
        tables=[*tables_of(rows), cases_table(by_name, heading="trained with")],
    )
    batches = {name: map(Batch.of, results_in(run)) for name, run in runs.items()}
    totals = {name: by_name[name]["num_examples"] for name in runs}
    write_page(directory / REPORT, with_examples(page, batches, totals, {}, group_size=figures["group_size"]))
