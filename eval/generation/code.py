"""The version of the code that makes examples."""

from __future__ import annotations

import functools
import hashlib
from pathlib import Path

from tf_strattack.versions import __version__

_ROOT = Path(__file__).parents[2]
# What decides which examples there are, and what is in them.
_SOURCES = (
    "tf_strattack/**/*.py",
    "eval/inputs/*.py",
    "eval/examples.py",
    "eval/tfds_directory.py",
    "eval/generation/plan.py",
    "eval/generation/work.py",
)


@functools.cache
def code_version() -> str:
    """The version of the library with a hash of these sources, which tells states of a checkout apart."""
    digest = hashlib.sha256()
    for source in sorted(source for pattern in _SOURCES for source in _ROOT.glob(pattern)):
        digest.update(f"{source.relative_to(_ROOT).as_posix()}\n".encode() + source.read_bytes())
    return f"{__version__} {digest.hexdigest()[:16]}"
