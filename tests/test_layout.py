"""The tests' own house: what several of them need lives in modules without tests."""

import ast
from pathlib import Path

import pytest

from tests.programs import ROOT

MODULES = sorted(path.relative_to(ROOT) for path in (ROOT / "tests").rglob("*.py"))


def imported(path):
    """The last names of the modules that a file imports from, and what it imports from packages."""
    for node in ast.walk(ast.parse((ROOT / path).read_text())):
        if isinstance(node, ast.ImportFrom):
            yield from [*(node.module or "").split("."), *(alias.name for alias in node.names)]
        elif isinstance(node, ast.Import):
            yield from (alias.name.rpartition(".")[2] for alias in node.names)


@pytest.mark.parametrize("path", MODULES, ids=str)
def test_no_module_takes_anything_from_a_module_of_tests(path):
    homes = {Path(other).stem for other in MODULES if other.name.startswith(("test_", "conftest"))}
    assert not homes & set(imported(path))
