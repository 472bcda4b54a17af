"""The sections of the benchmark as tables."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from tf_strattack.percent import percent

from ..tables.table import Cell, Table

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
    "median_nonzero_groups": "groups",
    "median_acp": "ACP",
    "median_anc": "ANC",
    "median_d20": "d20",
    "median_l2": "l2",
    "median_objective": "objective",
    "optimality_nonzero_groups": "opt. groups",
    "optimality_acp": "opt. ACP",
    "optimality_anc": "opt. ANC",
    "optimality_d20": "opt. d20",
    "optimality_l2": "opt. l2",
    "optimality_objective": "opt. objective",
    "max_groups": "K",
    "asr": "ASR",
    "asr_as_returned": "ASR as returned",
    "asr_rounded": "ASR in 8 bits",
    "num_outside": "outside",
}


def section_table(name: str, rows: Sequence[dict[str, Any]], columns: Sequence[str]) -> Table:
    """The rows of a section with these `columns`: ASR in per cent, numbers with four digits, "-" for no value."""
    headings = [_HEADINGS.get(column, column.replace("_mib", " MiB").replace("_", " ")) for column in columns]
    return Table(
        name, headings, [[Cell(_text(column, row[column]), row[column]) for column in columns] for row in rows]
    )


def _text(name: str, value: Any) -> str:
    if value is None:
        return "-"
    if name.startswith("asr"):
        return f"{percent(value)} %"
    if not isinstance(value, float):
        return str(value)
    return f"{value:.0f}" if abs(value) >= 1000 else f"{value:.4g}"
