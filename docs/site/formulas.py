"""MkDocs hook: formulas as MathML, made when the site is built, so that pages need no script for them."""

from __future__ import annotations

import html
import re
from typing import Any

from latex2mathml.converter import convert

# What pymdownx.arithmatex leaves of $...$, $$...$$ and of blocks fenced as math.
_FORMULA = re.compile(r'<(span|div) class="arithmatex">\\[(\[](.*?)\\[)\]]</\1>', re.DOTALL)


def on_page_content(content: str, **_: Any) -> str:
    """Replaces the formulas of a page that was Markdown."""
    return _FORMULA.sub(lambda found: mathml(found[2], block=found[1] == "div"), content)


def mathml(latex: str, *, block: bool) -> str:
    """The MathML of a formula whose LaTeX is escaped for HTML."""
    formula = convert(html.unescape(latex).strip(), display="block" if block else "inline")
    return f'<div class="formula">{formula}</div>' if block else formula
