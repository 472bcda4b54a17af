"""The sections of the benchmark as tables on the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..table import align

_HEADINGS = {
    "gradient_evaluations_per_example": "gradients",
    "forward_evaluations_per_example": "forwards",
    "milliseconds_per_example": "ms/example",
    "seconds_per_example": "s/example",
    "seconds_per_image": "s/image",
    "overhead_median": "overhead",
    "overhead_min": "min",
    "overhead_max": "max",
    "paired_overhead_median": "paired",
    "cpu_overhead_median": "cpu",
    "milliseconds": "ms",
    "time_ratio": "time ratio",
    "float32": "float32 ms",
    "float32_forward": "forward ms",
    "bfloat16": "bfloat16 ms",
    "num_examples": "examples",
    "nonzero_groups": "groups",
    "max_groups": "K",
    "asr": "ASR",
    "asr_as_returned": "ASR as returned",
    "asr_rounded": "ASR in 8 bits",
    "num_outside": "outside",
}


def format_section(rows: Sequence[dict[str, Any]], columns: Sequence[str]) -> str:
    """Formats `columns` of a section's rows: ASR in per cent, four digits, "-" for no value."""
    return align(section_rows(rows, columns))


def section_rows(rows: Sequence[dict[str, Any]], columns: Sequence[str]) -> list[list[str]]:
    """The same as cells, the first row of which is the heading."""
    heading = [_HEADINGS.get(name, name.replace("_mib", " MiB").replace("_", " ")) for name in columns]
    return [heading, *([_cell(name, row[name]) for name in columns] for row in rows)]


def _cell(name: str, value: Any) -> str:
    if value is None:
        return "-"
    if name.startswith("asr"):
        return f"{100 * value:.1f} %"
    if not isinstance(value, float):
        return str(value)
    return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.4g}"
