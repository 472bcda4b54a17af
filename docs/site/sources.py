"""MkDocs hook: documents under their paths in the repository, so that one source serves GitHub and the site.

The pages are the documents in docs/, whose index.md is the home page, those at the root but README.md, the home page on
GitHub, and whatever these link to: tables and pictures of results/, and source files, which become pages of their own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.plugins import event_priority
from mkdocs.structure.files import File, Files, InclusionLevel

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent

_LINK = re.compile(r"\]\(([^)\s#]+)")
_DOCUMENTS = (".md", ".ipynb")
_HOME = "docs/index.md"
# Shown as pages, and in what language: a browser would offer them as downloads.
_LISTINGS = {".py": "python", ".toml": "toml", ".txt": "text", "": "text"}


class Listing(File):
    """A source file as a page, which the search leaves out."""

    def is_documentation_page(self) -> bool:
        """True, whatever the suffix."""
        return True


@event_priority(100)  # before mkdocs-jupyter looks for notebooks
def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Adds the documents and what they link to."""
    for path in sorted(_reachable()):
        files.append(_file(path, config))
    return files


def _reachable() -> set[Path]:
    """The documents of the root and of docs/, and all files that can be reached from them by links."""
    found: set[Path] = set()
    waiting = [path for path in ROOT.glob("*.md") if path.name != "README.md"]
    waiting += [path for s in _DOCUMENTS for path in (ROOT / "docs").rglob(f"*{s}")]
    while waiting:
        path = waiting.pop()
        if path not in found and HERE not in path.parents and ".ipynb_checkpoints" not in path.parts:
            found.add(path)
            waiting += _linked_from(path) if path.suffix in _DOCUMENTS else []
    return found


def _linked_from(document: Path) -> Iterator[Path]:
    for target in _LINK.findall(document.read_text(encoding="utf-8")):
        path = (document.parent / target).resolve()
        if path.is_file() and ROOT in path.parents:
            yield path


def _file(path: Path, config: MkDocsConfig) -> File:
    uri = path.relative_to(ROOT).as_posix()
    if path.suffix not in _LISTINGS:
        place = "index.html" if uri == _HOME else None
        return File(uri, str(ROOT), config.site_dir, config.use_directory_urls, dest_uri=place)
    fence = "`" * 8
    code = path.read_text(encoding="utf-8")
    content = f"---\nsearch:\n  exclude: true\n---\n\n# {uri}\n\n{fence}{_LISTINGS[path.suffix]}\n{code}\n{fence}\n"
    return Listing.generated(config, uri, content=content, inclusion=InclusionLevel.NOT_IN_NAV)
