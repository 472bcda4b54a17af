"""MkDocs hook: the flags of commands in one piece, because browsers would break a line after their hyphens."""

from __future__ import annotations

import re
from typing import Any

_COMMANDS = re.compile(r'(<div class="language-(?:text|sh) highlight">.*?</div>)', re.DOTALL)
_FLAG = re.compile(r"(?<![\w-])(--\w+|-m)\b")


def on_page_content(html: str, **_: Any) -> str:
    """Marks the flags in the blocks of commands."""
    return _COMMANDS.sub(lambda block: _FLAG.sub(r'<span class="flag">\1</span>', block[0]), html)
