"""Figures of examples as files: the library draws them, programs write them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.figure import Figure

from tf_strattack import AttackResult, plot
from tf_strattack.drawing import PLAIN_TEXT
from tf_strattack.runtime.files import replacing

from ..inputs.groups import Grouping

matplotlib.use("Agg")


@matplotlib.rc_context(PLAIN_TEXT)
def draw_examples(
    path: Path, results: Iterator[AttackResult], class_names: Mapping[int, str], *, grouping: Grouping, rows: int = 6
) -> None:
    """Writes `plot.examples` of the first shard as PNG to `path`: up to `rows` examples."""
    result = next(results)
    figure = plot.examples(result, groups=grouping.of_result(result), class_names=class_names, rows=rows)
    save_picture(figure, path, dpi=110)


@matplotlib.rc_context(PLAIN_TEXT)
def draw_heat_maps(
    path: Path, pair: Mapping[str, AttackResult], class_names: Mapping[int, str], *, grouping: Grouping
) -> Figure:
    """Writes `plot.heat_maps` of two attacks on the same examples as PNG to `path`, and as PDF next to it."""
    groups = grouping.of_result(next(iter(pair.values())))
    figure = plot.heat_maps(pair, groups=groups, class_names=class_names)
    save(figure, path)
    return figure


def save(figure: Figure, path: Path) -> None:
    """Writes a figure as PNG to `path`, and as PDF with vector graphics next to it."""
    save_picture(figure, path, dpi=130)
    save_picture(figure, path.with_suffix(".pdf"), metadata={"CreationDate": None})


def save_picture(figure: Figure, path: Path, **options: Any) -> None:
    """Writes a figure to `path` atomically, in the format of its suffix."""
    with replacing(path) as file:
        figure.savefig(file, format=path.suffix[1:], **options)
