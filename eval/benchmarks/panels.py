"""The panels of benchmark.png, one function per kind; each draws the rows of a section on one pair of axes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.ticker import LogLocator, NullFormatter, PercentFormatter, StrMethodFormatter

from ..figures.palette import SERIES
from .curves import DEFAULT

Rows = list[dict[str, Any]]

# Markers and hatches repeat the distinction of the colours.
_BLUE, _ORANGE, _GREEN, *_ = SERIES
COLOURS = (*SERIES[:5], "#e69f00", "#f0e442")
_MARKERS, _HATCHES = "osDv^", ("", "//", "..", "xx", "\\\\")
MORE_TICKS = (1.0, 1.5, 2.0, 3.0, 5.0, 7.0)
# Series → colour, marker, line, and what the legend says.
_SERIES = {
    "prox_linear": (_BLUE, "o", "-", "default solver, unrefined"),
    "paper": (_ORANGE, "s", "--", "the paper's solver, unrefined"),
    DEFAULT: (_GREEN, "*", "", "default attack, refined"),
}
CURVES = {"objective": "mean objective", "asr": "ASR", "l0": "mean $\\ell_0$", "l2": "mean $\\ell_2$"}


def draw_curves(axis: Axes, rows: Rows, measure: str) -> None:
    """Draws one of `CURVES` of one net against gradient evaluations."""
    for series, points in by(rows, "series").items():
        colour, marker, line, label = _SERIES[series]
        known = [row for row in points if row[measure] is not None]
        x, y = ([row[name] for row in known] for name in ("gradient_evaluations_per_example", measure))
        size = 13 if series == DEFAULT else 5
        axis.plot(x, y, marker + line, color=colour, ms=size, label=label)
    axis.set_ylabel(CURVES[measure])
    plain_log(axis.set_xscale, axis.xaxis, (1.0, 3.0))
    if measure == "asr":
        axis.set_ylim(-0.03, 1.05)
        axis.yaxis.set_major_formatter(PercentFormatter(1.0))
    axis.grid(alpha=0.3)


def _draw_groups(axis: Axes, rows: Rows) -> None:
    for number, (net, points) in enumerate(by(rows, "net").items()):
        x, y = ([row[name] for row in points] for name in ("max_groups", "asr"))
        axis.plot(x, y, _MARKERS[number % len(_MARKERS)] + "-", color=COLOURS[number % len(COLOURS)], ms=5, label=net)
    axis.set(xlabel="max_groups", ylabel="ASR", ylim=(-0.03, 1.05), title="Success by the most groups that may change")
    axis.yaxis.set_major_formatter(PercentFormatter(1.0))
    plain_log(axis.set_xscale, axis.xaxis, MORE_TICKS)


def _draw_floor(axis: Axes, rows: Rows) -> None:
    for number, (net, points) in enumerate(by(rows, "net").items()):
        colour, marker = COLOURS[number % len(COLOURS)], _MARKERS[number % len(_MARKERS)]
        for (kind, measured), line in zip(by(points, "kind").items(), ("-", ":"), strict=False):
            x, y = ([row[name] for row in measured] for name in ("rows", "milliseconds"))
            axis.plot(x, y, marker + line, color=colour, ms=5, label=f"{net}, {kind}")
    axis.set(xlabel="rows", ylabel="ms per call", title="Network calls alone")
    plain_log(axis.set_xscale, axis.xaxis)
    plain_log(axis.set_yscale, axis.yaxis)


def _draw_overhead(axis: Axes, rows: Rows) -> None:
    _bars(axis, rows, "attack", "overhead_median", ends=("overhead_min", "overhead_max"))
    for ratio, line in ((1.0, "-"), (1.05, ":")):
        axis.axhline(ratio, color="black", lw=1, ls=line)
    axis.set_ylim(bottom=min(0.9, *(row["overhead_min"] - 0.02 for row in rows)))
    axis.set(title="Time of an attack over that of its network calls (dotted: 1.05)", ylabel="ratio")


def _draw_memory(axis: Axes, rows: Rows) -> None:
    _bars(axis, [{**row, "groups": f"groups {row['groups']}"} for row in rows], "groups", "over_loaded_mib")
    axis.set(title="Peak memory", ylabel="MiB above the loaded network")


def _draw_scaling(axis: Axes, rows: Rows) -> None:
    x = [row["num_images"] for row in rows]
    axis.plot(x, [row["peak_mib"] for row in rows], "o-", color=_BLUE, label="peak memory (left)")
    axis.plot([], [], "s--", color=_ORANGE, label="seconds (right)")
    axis.set(xlabel="images", ylabel="MiB", ylim=(0, 1.2 * max(row["peak_mib"] for row in rows)))
    axis.set_title("Memory and time by the number of images")
    plain_log(axis.set_xscale, axis.xaxis)
    axis.set_xticks(x)
    right = axis.twinx()
    right.plot(x, [row["seconds"] for row in rows], "s--", color=_ORANGE)
    right.set_ylim(0, 1.5 * max(row["seconds"] for row in rows))


# Section → its panel, for sections with a single panel.
PANELS: dict[str, Callable[[Axes, Rows], None]] = {
    "groups": _draw_groups,
    "attacks": _draw_overhead,
    "floor": _draw_floor,
    "memory": _draw_memory,
    "scaling": _draw_scaling,
}


def _bars(axis: Axes, rows: Rows, series: str, measure: str, ends: tuple[str, str] | None = None) -> None:
    """Bars side by side: a colour and a hatch for each value of `series`, a place for each net and batch size."""
    places = list(dict.fromkeys((row["net"], row["batch_size"]) for row in rows))
    members = by(rows, series)
    width = 0.8 / len(members)
    for number, (name, bars) in enumerate(members.items()):
        x = [places.index((row["net"], row["batch_size"])) - 0.4 + (number + 0.5) * width for row in bars]
        y = [row[measure] for row in bars]
        errors = None if ends is None else [[abs(row[end] - row[measure]) for row in bars] for end in ends]
        colour, hatch = COLOURS[number % len(COLOURS)], _HATCHES[number % len(_HATCHES)]
        axis.bar(x, y, width, yerr=errors, color=colour, hatch=hatch, edgecolor="white", capsize=2, label=name)
    size = 8 if len(places) <= 4 else 7
    axis.set_xticks(range(len(places)), [f"{net}\n{rows} rows" for net, rows in places], fontsize=size)


def plain_log(set_scale: Callable[[str], None], side: Axis, ticks: Sequence[float] = (1.0, 2.0, 5.0)) -> None:
    """Makes an axis logarithmic, with plain labels at `ticks` and their decimal multiples."""
    set_scale("log")
    side.set_major_locator(LogLocator(subs=ticks))
    side.set_major_formatter(StrMethodFormatter("{x:g}"))
    side.set_minor_formatter(NullFormatter())


def by(rows: Rows, name: str) -> dict[str, Rows]:
    """Groups rows by their value of `name`, in order of appearance."""
    return {value: [row for row in rows if row[name] == value] for value in dict.fromkeys(row[name] for row in rows)}
