"""MkDocs hook: tables for narrow screens: a percentage is not broken, and a table of flags is marked."""

from __future__ import annotations

import re
from typing import Any

_PERCENT = re.compile(r"(<td[^>]*>[\d.,]+) (%</td>)")
_FLAGS = re.compile(r"<!-- flags of .*?-->(.*?)<!-- end of flags -->", re.DOTALL)


def on_page_content(html: str, **_: Any) -> str:
    """Joins numbers and their per cent signs, and marks tables of flags, of which the style sheet makes lists."""
    return _FLAGS.sub(r'<div class="flags">\1</div>', _PERCENT.sub(r"\1&nbsp;\2", html))
