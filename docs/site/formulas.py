"""MkDocs hook: formulas as HTML, made by KaTeX when the site is built, so that pages need no script for them.

katex/ has KaTeX 0.19.1 as it is published (`npm pack katex`): its program, which runs here, its style and fonts.
"""

from __future__ import annotations

import html
import logging
import re
from functools import cache
from pathlib import Path
from typing import Any

import dukpy

_log = logging.getLogger("mkdocs.hooks.formulas")

_KATEX = Path(__file__).resolve().parent / "katex" / "katex.min.js"
# What pymdownx.arithmatex leaves of $...$, $$...$$ and of blocks fenced as math.
_FORMULA = re.compile(r'<(span|div) class="arithmatex">\\[(\[](.*?)\\[)\]]</\1>', re.DOTALL)
# A formula is there twice, for the eye and as MathML for screen readers; the search reads one of them.
_FOR_READERS = '<span class="katex-mathml"'


def on_page_content(content: str, **_: Any) -> str:
    """Replaces the formulas of a page that was Markdown."""
    return _FORMULA.sub(lambda found: rendered(found[2], block=found[1] == "div"), content)


def rendered(latex: str, *, block: bool) -> str:
    """The HTML of a formula whose LaTeX is escaped for HTML; warns of what KaTeX does not know."""
    source = html.unescape(latex).strip()
    try:
        formula = _engine().evaljs(
            "katex.renderToString(dukpy.latex, {displayMode: dukpy.block, throwOnError: true})",
            latex=source,
            block=block,
        )
    except dukpy.JSRuntimeError as error:
        _log.warning("a formula cannot be shown, %s: %s", str(error).splitlines()[0], source)
        return html.escape(source)
    formula = formula.replace(_FOR_READERS, f"{_FOR_READERS} data-search-exclude")
    return f'<div class="formula">{formula}</div>' if block else formula


@cache
def _engine() -> dukpy.JSInterpreter:
    engine = dukpy.JSInterpreter()
    engine.evaljs(f"var self = this; {_KATEX.read_text(encoding='utf-8')}; 0")
    return engine
