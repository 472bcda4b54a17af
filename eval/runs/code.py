"""The version of the code that makes examples."""

from __future__ import annotations

import functools
import hashlib
from pathlib import Path

import tf_strattack
from tf_strattack.versions import __version__

# The sources that determine the examples: these of `eval`, and the library without what checks its promises and what
# only programs share.
_LIBRARY, _PROGRAMS = Path(tf_strattack.__file__).parent, Path(__file__).parents[1]
_SOURCES = (
    "inputs/*.py",
    "runs/entries.py",
    "runs/records.py",
    "runs/rows.py",
    "runs/store.py",
    "runs/tfds_directory.py",
    "runs/parquet_directory.py",
    "runs/plan.py",
    "runs/work.py",
)
_NOT_OF_THE_LIBRARY = ("acceptance", "programs", "eval", "training")


@functools.cache
def code_version() -> str:
    """The version of the library with a hash of these sources, which distinguishes states of a checkout."""
    digest = hashlib.sha256()
    library = {path.relative_to(_LIBRARY).as_posix(): path for path in _LIBRARY.rglob("*.py")}
    chosen = {name: path for name, path in library.items() if name.partition("/")[0] not in _NOT_OF_THE_LIBRARY}
    programs = {
        f"eval/{path.relative_to(_PROGRAMS).as_posix()}": path
        for pattern in _SOURCES
        for path in _PROGRAMS.glob(pattern)
    }
    for name, path in sorted({**chosen, **programs}.items()):
        digest.update(f"{name}\n".encode() + path.read_bytes())
    return f"{__version__} {digest.hexdigest()[:16]}"
