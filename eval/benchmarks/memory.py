"""Peak memory of an attack by batch size, with disjoint and with overlapping groups, in a new process per point."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tqdm import tqdm

from .child import measure_child

COLUMNS = (
    "net",
    "batch_size",
    "groups",
    "total_mib",
    "over_loaded_mib",
    "over_smallest_mib",
    "ratio_of_totals",
    "ratio_over_loaded",
    "ratio_over_smallest",
)

DISJOINT, OVERLAPPING = "2x2", "3x3 stride 2"
GROUPS: dict[str, dict[str, int]] = {
    DISJOINT: {"group_size": 2, "stride": 2},
    OVERLAPPING: {"group_size": 3, "stride": 2},
}
_ITERATIONS = 3  # memory does not grow with the number of iterations
_MIB = 2**20


def measure_memory(nets: Sequence[str], cases_dir: Path | None, batch_sizes: Sequence[int]) -> list[dict[str, Any]]:
    """Measures every net at every batch size; a row for each kind of groups.

    "over_loaded_mib" is the increase over a process that only loads and checks the net, "over_smallest_mib" the
    increase over the smallest batch with disjoint groups. The ratios compare overlapping with disjoint groups at
    the same batch size, by totals and by either increase; None for disjoint groups, and without an increase.
    """
    points = [(groups, rows) for rows in sorted(batch_sizes) for groups in GROUPS]
    measured = []
    with tqdm(total=len(nets) * (len(points) + 1), desc="memory", leave=False) as progress_bar:

        def peak(net: str, groups: str | None, rows: int) -> float:
            brief = {"max_iterations": _ITERATIONS, "fallback.max_iterations": _ITERATIONS, "refine": False}
            attack = None if groups is None else {**GROUPS[groups], **brief}
            directory = None if cases_dir is None else str(cases_dir.absolute())
            point = {"net": net, "cases_dir": directory, "attack": attack, "batch_size": rows}
            total = measure_child("eval.benchmarks.memory_worker", json.dumps(point)).peak_bytes / _MIB
            progress_bar.update()
            return total

        for net in nets:
            loaded = peak(net, None, 0)
            totals = {(groups, rows): peak(net, groups, rows) for groups, rows in points}
            measured += increases(net, loaded, totals)
    return measured


def increases(net: str, loaded: float, totals: dict[tuple[str, int], float]) -> list[dict[str, Any]]:
    """The rows of one net, from the peak after loading and the peaks by (groups, batch size), in MiB."""
    smallest = totals[DISJOINT, min(rows for _, rows in totals)]

    def ratio(groups: str, rows: int, baseline: float) -> float | None:
        disjoint = totals[DISJOINT, rows] - baseline
        return None if groups == DISJOINT or disjoint <= 0 else (totals[groups, rows] - baseline) / disjoint

    return [
        {
            "net": net,
            "batch_size": rows,
            "groups": groups,
            "loaded_mib": loaded,
            "total_mib": total,
            "over_loaded_mib": total - loaded,
            "over_smallest_mib": total - smallest,
            "ratio_of_totals": ratio(groups, rows, 0.0),
            "ratio_over_loaded": ratio(groups, rows, loaded),
            "ratio_over_smallest": ratio(groups, rows, smallest),
        }
        for (groups, rows), total in totals.items()
    ]
