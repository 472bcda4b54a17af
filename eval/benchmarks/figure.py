"""benchmark.png: the curves of every net, and a panel for each of the other sections that ran."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter, PercentFormatter, StrMethodFormatter

from eval.benchmarks.curves import DEFAULT

matplotlib.use("Agg")

Rows = list[dict[str, Any]]

# Okabe and Ito's colours, which colour-blind readers can tell apart; markers and hatches say the same again.
_BLUE, _ORANGE, _GREEN = "#0072B2", "#D55E00", "#009E73"
_COLOURS = (_BLUE, _ORANGE, _GREEN, "#CC79A7", "#56B4E9", "#E69F00", "#F0E442")
_MARKERS, _HATCHES = "osDv^", ("", "//", "..", "xx", "\\\\")
_SERIES = {"prox_linear": (_BLUE, "o", "-"), "paper": (_ORANGE, "s", "--"), DEFAULT: (_GREEN, "*", "")}
_CURVES = {"objective": "objective", "asr": "ASR", "l0": "$\\ell_0$", "l2": "$\\ell_2$"}
_PANELS_IN_ROW = 2


def draw_benchmark(path: Path, sections: dict[str, Rows]) -> None:
    """Draws what `sections` holds: a row of curves for each net, then the other sections."""
    curves = _by(sections.get("curves", []), "net")
    panels = [(draw, sections[name]) for name, draw in _PANELS.items() if sections.get(name)]
    pairs = [panels[first : first + _PANELS_IN_ROW] for first in range(0, len(panels), _PANELS_IN_ROW)]
    heights = [3.0] * len(curves) + [3.4] * len(pairs)
    figure = Figure(figsize=(15, sum(heights) + 0.3), layout="constrained")
    parts = figure.subfigures(len(heights), 1, squeeze=False, height_ratios=heights)[:, 0]
    for part, (net, rows) in zip(parts, curves.items(), strict=False):
        part.suptitle(f"{net}: means over successes, {rows[0]['num_examples']} examples", fontsize=11)
        axes = part.subplots(1, len(_CURVES), sharex=True)
        for axis, measure in zip(axes, _CURVES, strict=True):
            _draw_curves(axis, rows, measure)
        axes[0].legend(fontsize=8)
    for part, pair in zip(parts[len(curves) :], pairs, strict=True):
        for axis, (draw, rows) in zip(part.subplots(1, len(pair), squeeze=False)[0], pair, strict=True):
            draw(axis, rows)
            axis.grid(alpha=0.3)
            axis.set_axisbelow(True)
            axis.legend(fontsize=8, loc="upper left", bbox_to_anchor=(1.05, 1.0), frameon=False)
    figure.savefig(path, dpi=110)


def _draw_curves(axis: Axes, rows: Rows, measure: str) -> None:
    for series, points in _by(rows, "series").items():
        colour, marker, line = _SERIES[series]
        known = [row for row in points if row[measure] is not None]
        x, y = ([row[name] for row in known] for name in ("gradient_evaluations_per_example", measure))
        size = 13 if series == DEFAULT else 5
        label = "default, refined" if series == DEFAULT else f"{series}, unrefined"
        axis.plot(x, y, marker + line, color=colour, ms=size, label=label)
    axis.set(xlabel="gradient evaluations an example", ylabel=_CURVES[measure])
    _plain_log(axis.set_xscale, axis.xaxis)
    if measure == "asr":
        axis.set_ylim(-0.03, 1.05)
        axis.yaxis.set_major_formatter(PercentFormatter(1.0))
    axis.grid(alpha=0.3)


def _draw_floor(axis: Axes, rows: Rows) -> None:
    for number, (net, points) in enumerate(_by(rows, "net").items()):
        colour, marker = _COLOURS[number % len(_COLOURS)], _MARKERS[number % len(_MARKERS)]
        for (kind, measured), line in zip(_by(points, "kind").items(), ("-", ":"), strict=False):
            x, y = ([row[name] for row in measured] for name in ("rows", "milliseconds"))
            axis.plot(x, y, marker + line, color=colour, ms=5, label=f"{net}, {kind}")
    axis.set(xlabel="rows", ylabel="ms a call", title="bare network")
    _plain_log(axis.set_xscale, axis.xaxis)
    _plain_log(axis.set_yscale, axis.yaxis)


def _draw_overhead(axis: Axes, rows: Rows) -> None:
    _bars(axis, rows, "attack", "overhead_median", ends=("overhead_min", "overhead_max"))
    for ratio, line in ((1.0, "-"), (1.05, ":")):
        axis.axhline(ratio, color="black", lw=1, ls=line)
    axis.set_ylim(bottom=min(0.9, *(row["overhead_min"] - 0.02 for row in rows)))
    axis.set(title="overhead: attack / its bare network calls (dotted: 1.05)", ylabel="ratio")


def _draw_memory(axis: Axes, rows: Rows) -> None:
    _bars(axis, [{**row, "groups": f"groups {row['groups']}"} for row in rows], "groups", "over_loaded_mib")
    axis.set(title="peak memory", ylabel="MiB above the loaded net")


def _draw_scaling(axis: Axes, rows: Rows) -> None:
    x = [row["num_images"] for row in rows]
    axis.plot(x, [row["peak_mib"] for row in rows], "o-", color=_BLUE, label="peak memory (left)")
    axis.plot([], [], "s--", color=_ORANGE, label="seconds (right)")
    axis.set(xlabel="images", ylabel="MiB", ylim=(0, 1.2 * max(row["peak_mib"] for row in rows)))
    axis.set_title("python -m eval.attack, few iterations")
    _plain_log(axis.set_xscale, axis.xaxis)
    right = axis.twinx()
    right.plot(x, [row["seconds"] for row in rows], "s--", color=_ORANGE)
    right.set_ylim(bottom=0)


_PANELS: dict[str, Callable[[Axes, Rows], None]] = {
    "attacks": _draw_overhead,
    "floor": _draw_floor,
    "memory": _draw_memory,
    "scaling": _draw_scaling,
}


def _bars(axis: Axes, rows: Rows, series: str, measure: str, ends: tuple[str, str] | None = None) -> None:
    """Bars side by side: a colour and a hatch for each value of `series`, a place for each net and batch size."""
    places = list(dict.fromkeys((row["net"], row["batch_size"]) for row in rows))
    members = _by(rows, series)
    width = 0.8 / len(members)
    for number, (name, bars) in enumerate(members.items()):
        x = [places.index((row["net"], row["batch_size"])) - 0.4 + (number + 0.5) * width for row in bars]
        y = [row[measure] for row in bars]
        errors = None if ends is None else [[abs(row[end] - row[measure]) for row in bars] for end in ends]
        colour, hatch = _COLOURS[number % len(_COLOURS)], _HATCHES[number % len(_HATCHES)]
        axis.bar(x, y, width, yerr=errors, color=colour, hatch=hatch, edgecolor="white", capsize=2, label=name)
    axis.set_xticks(range(len(places)), [f"{net}\n{rows} rows" for net, rows in places], fontsize=7)


def _plain_log(set_scale: Callable[[str], None], side: Axis) -> None:
    """A logarithmic axis marked 1, 2, 5, 10, 20, ..."""
    set_scale("log")
    side.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
    side.set_major_formatter(StrMethodFormatter("{x:g}"))
    side.set_minor_formatter(NullFormatter())


def _by(rows: Rows, name: str) -> dict[str, Rows]:
    """Rows by their value of `name`, in order of appearance."""
    return {value: [row for row in rows if row[name] == value] for value in dict.fromkeys(row[name] for row in rows)}
