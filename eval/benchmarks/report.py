"""The report of the benchmark: a sortable table per section, and the curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib.figure import Figure

from ..report.page import REPORT, Chart, Page, write_page
from ..report.svg import to_svg
from .tables import section_table


def write_benchmark_report(
    directory: Path, content: Mapping[str, Any], columns: Mapping[str, Sequence[str]], curves: Figure | None
) -> None:
    """Writes report.html; `content` as in benchmark.json, `columns` the columns to show per section."""
    measured = content["sections"]
    alt = "The figures of the sections as curves; the tables have the values."
    charts = [] if curves is None else [Chart("Curves", alt, [to_svg(curves, "b")], large=True)]
    page = Page(
        title="Benchmark",
        command=content["command"],
        facts={name: value for name, value in content.items() if name not in ("sections", "command", "nets")},
        summary=f"Sections: {', '.join(measured)}",
        tables=[section_table(name, rows, columns[name]) for name, rows in measured.items()],
        charts=charts,
    )
    write_page(directory / REPORT, page)
