"""The panel of the section pareto: l0 against l2, a line over tau for StrAttack and a point for each peer."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from matplotlib.axes import Axes

from tf_strattack.percent import percent

from .panels import COLOURS, MORE_TICKS, Rows, by, plain_log

# The lines: colour, dashes, and offset and alignment of the text next to a point that shows its tau.
_LINES = ((COLOURS[0], "-", -4, "right"), (COLOURS[1], "--", 4, "left"))
_PEER_COLOURS, _PEER_MARKERS = COLOURS[2:], "sDv^<>Phd"
# What the legend calls the peers that are known by name in `adv_NAME`.
_PEERS = {
    "advlib": "adv-lib's StrAttack",
    "art_cw": "ART's C&W",
    "authors": "the authors' StrAttack",
    "carlini": "Carlini's C&W",
    "foolbox_cw": "Foolbox's C&W",
    "foolbox_ead": "Foolbox's EAD",
    "gse": "GSE",
    "gse_imagenet_parameters": "GSE, its ImageNet settings",
    "gse_strattack": "GSE's StrAttack",
}
# Peers beyond so many times our largest l2 are drawn at that limit, so that the others are not squeezed.
_REACH = 1.3


def draw_pareto(axis: Axes, rows: Rows, peers: Sequence[str]) -> None:
    """Draws the rows of one net; the position in `peers` decides the colour and marker of a peer."""
    number = max(row["num_examples"] for row in rows)
    ours = [row for row in rows if row["tau"] is not None and row["l0"] is not None]
    for points, line in zip(by(ours, "epsilon").values(), _LINES, strict=False):
        _draw_line(axis, points, *line)
    edge = _REACH * max((row["l2"] for row in ours), default=math.inf)
    for row in rows:
        if row["tau"] is None:
            _draw_peer(axis, row, peers.index(row["setting"]), number, edge)
    axis.margins(x=0.1)
    axis.set(
        xlabel="mean $\\ell_2$",
        ylabel="mean $\\ell_0$",
        title=f"{rows[0]['net']}, {number} examples: sparsity against distance",
    )
    plain_log(axis.set_yscale, axis.yaxis, MORE_TICKS)


def _draw_line(axis: Axes, points: Rows, colour: str, dashes: str, offset: int, alignment: str) -> None:
    epsilon = points[0]["epsilon"]
    label = "StrAttack by τ, " + ("no ε" if epsilon is None else f"ε = {epsilon:g}")
    x, y = ([row[name] for row in points] for name in ("l2", "l0"))
    axis.plot(x, y, "o" + dashes, color=colour, ms=4, label=label)
    axis.plot(x, y, "*", color=colour, ms=13, markevery=[place for place, row in enumerate(points) if row["default"]])
    for row in points:
        axis.annotate(
            f"{row['tau']:g}",
            (row["l2"], row["l0"]),
            (offset, offset),
            textcoords="offset points",
            ha=alignment,
            va="center",
            fontsize=8,
            color=colour,
        )


def _draw_peer(axis: Axes, row: dict[str, Any], place: int, number: int, edge: float) -> None:
    """Draws a peer as a point, at most at the `edge`; a peer without success is in the legend only."""
    label = _PEERS.get(row["setting"], row["setting"])
    if row["asr"] < 1:
        label += f", ASR {percent(row['asr'])}%"
    if row["num_examples"] < number:
        label += f", {row['num_examples']} examples"
    x, y = [], []
    if row["l0"] is not None:
        x, y = [min(row["l2"], edge)], [row["l0"]]
        if row["l2"] > edge:
            label += f", at $\\ell_2$ {row['l2']:.2f}"
    colour, marker = _PEER_COLOURS[place % len(_PEER_COLOURS)], _PEER_MARKERS[place % len(_PEER_MARKERS)]
    axis.plot(x, y, marker, color=colour, ms=7, mec="black", mew=0.5, label=label)
