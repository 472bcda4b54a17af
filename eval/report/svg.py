"""Figures of matplotlib as SVG that follows the page: its colours by name, its font, and no ground of its own."""

from __future__ import annotations

import io
import re
from typing import Any

import matplotlib
from matplotlib.figure import Figure

from ..figures.palette import QUIET, SERIES

_RC: Any = {
    # Names within a drawing that are the same each time it is made.
    "svg.hashsalt": "report",
    "svg.fonttype": "none",
}
# A figure's inch as the page shows it, at most and at least, in its pixels; narrower screens scroll.
_MOST, _LEAST = 120, 64
# Of pictures within a drawing, an inch.
_DPI = 110


def to_svg(figure: Figure, prefix: str, *, pictures: bool = False) -> str:
    """Draws a figure as an SVG element for a report.

    Black becomes the colour of the page's text, the palette's colours the page's, which are lighter on a dark ground.

    Args:
      figure: drawn in black, the colours of `palette` and others, which stay as they are.
      prefix: of all ids in it, which keeps those of a page apart.
      pictures: whether it holds pictures, whose ground is then left white.
    """
    file = io.StringIO()
    with matplotlib.rc_context(_RC):
        ground: dict[str, Any] = {"facecolor": "none", "edgecolor": "none"} if pictures else {"transparent": True}
        figure.savefig(file, format="svg", metadata={"Date": None, "Creator": None}, dpi=_DPI, **ground)
    text = file.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<(metadata|style)\b.*?</\1>\s*", "", text, flags=re.DOTALL)
    text = re.sub(r'\bid="', f'id="{prefix}-', text)
    text = re.sub(r'(href="#|url\(#)', rf"\g<1>{prefix}-", text)
    text = text.replace("#000000", "currentColor").replace(QUIET, "var(--quiet)")
    for number, colour in enumerate(SERIES):
        text = text.replace(colour, f"var(--series-{number})")
    if not pictures:
        text = text.replace("#ffffff", "var(--ground)")
    # The page's font and width, and no text that a reader of the page would hear twice.
    text = re.sub(r"font: ([\d.]+px) [^;\"]*", r"font-size: \1", text)
    width = figure.get_figwidth()
    size = f"max-width: {width * _MOST:.0f}px; min-width: min({width * _LEAST:.0f}px, 900px)"
    return re.sub(r"<svg ", f'<svg aria-hidden="true" focusable="false" style="{size}" ', text, count=1)
