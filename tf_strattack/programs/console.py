"""The console script `strattack`: runs the programs of `eval` and `training` by name."""

from __future__ import annotations

import difflib
import importlib
import importlib.util
import sys
from collections.abc import Sequence

from tf_strattack.programs.interrupts import quit_at_once
from tf_strattack.programs.modules import PROGRAMS, module_of

# Packages that every program needs, and the extra "programs" installs.
_NEEDED = ("absl", "tensorflow_datasets", "matplotlib", "jinja2", "tqdm")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the program that the first argument names, with the others; returns the exit status."""
    quit_at_once()
    given = list(sys.argv[1:] if arguments is None else arguments)
    if not given or given[0] in ("-h", "--help", "help"):
        print(_listing())
        return 0
    name, *rest = given
    if name not in PROGRAMS:
        close = difflib.get_close_matches(name, PROGRAMS, n=1)
        meant = f": did you mean {close[0]}?" if close else ""
        return _fail(f"expected a program of {', '.join(PROGRAMS)}, received {name!r}{meant}")
    lacking = [package for package in _NEEDED if importlib.util.find_spec(package) is None]
    if lacking:
        return _fail(
            f"expected the packages that programs need, received none of {', '.join(lacking)}: "
            'pip install "tf-strattack[programs]"'
        )
    sys.argv = [f"strattack {name}", *rest]
    importlib.import_module(module_of(PROGRAMS[name].module)).cli()
    return 0


def _listing() -> str:
    width = max(map(len, PROGRAMS))
    lines = [f"  {name:{width}}  {program.about}" for name, program in PROGRAMS.items()]
    return "\n".join(
        ["Usage: strattack PROGRAM [--FLAG=VALUE ...]", "", *lines, "", "strattack PROGRAM --help lists its flags."]
    )


def _fail(message: str) -> int:
    print(f"error: {message}", file=sys.stderr)
    return 2
