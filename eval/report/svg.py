"""Matplotlib figures as SVG in the page's style: its colours and font, and a transparent background."""

from __future__ import annotations

import io
import re
from typing import Any

import matplotlib
from matplotlib.figure import Figure

from ..figures.palette import QUIET, SERIES

_RC: Any = {
    # Ids within a drawing that are the same each time it is made.
    "svg.hashsalt": "report",
    "svg.fonttype": "none",
}
# CSS pixels per inch of a figure, at most and at least; narrower screens scroll.
_MOST, _LEAST = 120, 64
# Resolution of pictures within a drawing.
_DPI = 110


def to_svg(figure: Figure, prefix: str, *, pictures: bool = False) -> str:
    """Draws a figure as an SVG element for a report.

    Black becomes the page's text colour. The palette's colours become those of the page, which are lighter on a dark
    background.

    Args:
      figure: a figure in black and the colours of `palette`; other colours are not changed.
      prefix: the prefix of all ids, which makes them unique within the page.
      pictures: whether the figure holds pictures; white then stays white.
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
    # The page's font and width; hidden from screen readers, which read the chart's description instead.
    text = re.sub(r"font: ([\d.]+px) [^;\"]*", r"font-size: \1", text)
    width = figure.get_figwidth()
    size = f"max-width: {width * _MOST:.0f}px; min-width: min({width * _LEAST:.0f}px, 900px)"
    return re.sub(r"<svg ", f'<svg aria-hidden="true" focusable="false" style="{size}" ', text, count=1)
