"""MkDocs hook: formulas as MathML, made when the site is built, so that pages need no script for them."""

from __future__ import annotations

import html
import logging
import re
from typing import Any

from latex2mathml.converter import convert

_log = logging.getLogger("mkdocs.hooks.formulas")

# What pymdownx.arithmatex leaves of $...$, $$...$$ and of blocks fenced as math.
_FORMULA = re.compile(r'<(span|div) class="arithmatex">\\[(\[](.*?)\\[)\]]</\1>', re.DOTALL)
# What latex2mathml passes on where it does not know a command or an environment.
_UNKNOWN = re.compile(r">(?:\\\w+|&)<")


def on_page_content(content: str, **_: Any) -> str:
    """Replaces the formulas of a page that was Markdown."""
    return _FORMULA.sub(lambda found: mathml(found[2], block=found[1] == "div"), content)


def mathml(latex: str, *, block: bool) -> str:
    """The MathML of a formula whose LaTeX is escaped for HTML; warns of what it cannot show."""
    # GitHub knows aligned within a formula, and the converter only align*, which looks the same.
    source = html.unescape(latex).strip().replace("{aligned}", "{align*}")
    formula = convert(source, display="block" if block else "inline")
    if _UNKNOWN.search(formula):
        _log.warning("a formula has something that cannot be shown as MathML: %s", source)
    return f'<div class="formula">{formula}</div>' if block else formula
