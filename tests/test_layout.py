"""How the code is laid out: short modules and functions, and nothing taken from modules of tests."""

import ast
import re
import subprocess
import sys
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


LIBRARY = sorted(path.relative_to(ROOT) for path in (ROOT / "tf_strattack").rglob("*.py"))


@pytest.mark.parametrize("path", LIBRARY, ids=str)
def test_modules_and_functions_of_the_library_are_short(path):
    text = (ROOT / path).read_text()
    assert text.count("\n") <= 250
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef):
            assert node.end_lineno - node.lineno < 50, node.name


def test_importing_the_package_imports_no_tensorflow():
    code = (
        "import sys, tf_strattack as sa; from tf_strattack.errors import InputError; print('tensorflow' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_eval_and_training_do_not_import_each_other():
    for folder, other in (("eval", "training"), ("training", "eval")):
        for path in (ROOT / folder).rglob("*.py"):
            assert not re.search(rf"^\s*(from|import) {other}\b", path.read_text(), re.MULTILINE), path
            assert not re.search(rf"^\s*(from|import) {folder}\b", path.read_text(), re.MULTILINE), path
