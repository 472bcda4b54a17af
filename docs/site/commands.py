"""MkDocs hook: the flags of commands in one piece, because browsers would break a line after their hyphens."""

from __future__ import annotations

import re
from typing import Any

_COMMANDS = re.compile(r'(<div class="language-(?:text|sh) highlight">.*?</div>)', re.DOTALL)
_INLINE = re.compile(r"<code>[^<]*</code>")
_FLAG = re.compile(r"(?<![\w-])(--\w+|-m)\b")


def on_page_content(html: str, **_: Any) -> str:
    """Marks the flags in the blocks of commands, and in code within sentences."""
    for places in (_COMMANDS, _INLINE):
        html = places.sub(lambda place: _FLAG.sub(r'<span class="flag">\1</span>', place[0]), html)
    return html
