"""The study as a report: a sortable table of the networks, and the examples that each was attacked with."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from ...inputs.groups import Grouping
from ...report.building import cases_table, with_examples
from ...report.examples import batches_of
from ...report.page import REPORT, Page, write_page
from ...runs.reading import results_in
from ...tables.measures import numbered
from ..study import Study
from .tables import rows_of, tables_of


def write_study_report(study: Study, runs: Mapping[str, Path], grouping: Grouping) -> None:
    """Writes report.html; `runs` are the directories of the rows whose examples are shown."""
    figures, rows = study.facts, rows_of(study)
    by_name = {row["defense"]: row for row in rows}
    page = Page(
        title=f"Defences of {figures['dataset']} networks against {figures['attack']}",
        command=figures["command"],
        facts={**figures, "commands": {name: row["commands"] for name, row in by_name.items()}},
        summary=numbered(len(rows), "network"),
        tables=[*tables_of(rows), cases_table(by_name, heading="trained with")],
    )
    batches = {name: batches_of(results_in(run), grouping) for name, run in runs.items()}
    totals = {name: by_name[name]["num_examples"] for name in runs}
    write_page(study.directory / REPORT, with_examples(page, batches, totals, {}))
