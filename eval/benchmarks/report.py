"""The benchmark as a report: a sortable table a section, and the curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from ..report.building import pictures
from ..report.page import REPORT, Page, write_page
from .tables import section_table


def write_benchmark_report(directory: Path, content: Mapping[str, Any], columns: Mapping[str, Sequence[str]]) -> None:
    """Writes report.html; `content` is that of benchmark.json, `columns` what is shown of each section."""
    measured = content["sections"]
    page = Page(
        title="Benchmark",
        command=content["command"],
        facts={name: value for name, value in content.items() if name not in ("sections", "command")},
        summary=f"Sections: {', '.join(measured)}",
        tables=[section_table(name, rows, columns[name]) for name, rows in measured.items()],
        pictures=pictures(
            directory, ("benchmark.png", "Curves", "The sections' figures as curves; tables have the values.")
        ),
    )
    write_page(directory / REPORT, page)
