"""MkDocs hook: what mkdocs-jupyter makes of a notebook, in the site's own look and without foreign scripts.

Its pages load MathJax and Mermaid from other hosts, carry half a megabyte of style each, and have the links of the
notebook as they are written there.
"""

from __future__ import annotations

import logging
import posixpath
import re
import sys
from pathlib import Path
from urllib.parse import urlsplit

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import Files
from mkdocs.structure.pages import Page

sys.path.insert(0, str(Path(__file__).parent))
from formulas import rendered

_log = logging.getLogger("mkdocs.hooks.notebooks")

# Scripts, styles, comments, tags of cells, and a button with a second copy of the code: the theme has its own.
_UNWANTED = re.compile(
    r'<(script|style|clipboard-copy)\b.*?</\1>|<!--.*?-->|<div[^>]*class="clipboard-copy-txt"[^>]*>.*?</div>'
    r'|<div class="celltoolbar">.*?</div>\s*</div>',
    re.DOTALL,
)
_CODE = re.compile(r'<div class="highlight-ipynb[^"]*"><pre>(.*?)</pre></div>', re.DOTALL)
_PREFORMATTED = re.compile(r"(<pre\b.*?</pre>|<code\b.*?</code>)", re.DOTALL)
_FORMULA = re.compile(r"\$\$(.+?)\$\$|\$([^$\n]+?)\$", re.DOTALL)
_REFERENCE = re.compile(r'\b(href|src)="([^"]+)"')


def on_page_content(html: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Cleans the page of a notebook; others are returned as they are."""
    if not page.file.src_uri.endswith(".ipynb"):
        return html
    html = _UNWANTED.sub("", html)
    html = _CODE.sub(r'<div class="language-python highlight"><pre><code>\1</code></pre></div>', html)
    parts = _PREFORMATTED.split(html)  # every other one is preformatted
    parts[::2] = [_FORMULA.sub(_formula, part) for part in parts[::2]]
    return _REFERENCE.sub(lambda found: f'{found[1]}="{_resolved(found[2], page, files)}"', "".join(parts))


def _formula(found: re.Match[str]) -> str:
    return rendered(found[1] or found[2], block=bool(found[1]))


def _resolved(reference: str, page: Page, files: Files) -> str:
    """A link between files of the repository as one between pages of the site."""
    scheme, host, path, _, anchor = urlsplit(reference)
    if scheme or host or not path:
        return reference
    target = files.get_file_from_path(posixpath.normpath(posixpath.join(posixpath.dirname(page.file.src_uri), path)))
    if target is None:
        _log.warning("'%s' contains a link '%s', but there is no such file", page.file.src_uri, reference)
        return reference
    if anchor:  # MkDocs looks at these after all pages are there
        page.links_to_anchors = page.links_to_anchors or {}
        page.links_to_anchors.setdefault(target, {})[anchor] = reference
    return target.url_relative_to(page.file) + (f"#{anchor}" if anchor else "")
