"""What documents show runs as printed, and what they name is there."""

import ast
import importlib.util
import inspect
import json
import re

import pytest

import tf_strattack as sa
from tests.contract import Contract
from tests.documents import examples_in
from tests.notebooks import TUTORIALS
from tests.programs import ROOT
from tf_strattack.programs.modules import PROGRAMS


@pytest.fixture(scope="module")
def attack():
    """The attack of docs/extending.md, made by the document's own code."""
    (example,) = examples_in("docs/extending.md")
    names = {"__name__": "extending"}
    exec(compile(example, "docs/extending.md", "exec"), names)
    assert names["result"].success.all()
    assert names["result"].gradient_evaluations.max() > 1
    return names["SignDescent"](epsilon=0.6, step_size=0.2)  # the contract wants most targets reached: long steps


class TestPrintedAttack(Contract):
    pass


def test_the_attack_that_shows_where_parameters_belong_has_them_there():
    (example,) = examples_in("docs/parameters.md")
    names = {"sa": sa}
    exec(compile(example, "docs/parameters.md", "exec"), names)
    assert names["attack"].hyper_parameters["refine"]["solver"]["max_iterations"] == 60


@pytest.mark.slow
def test_the_code_of_your_own_structure_runs(capsys):
    names = {}
    for example in examples_in("docs/structure.md"):
        exec(compile(example, "docs/structure.md", "exec"), names)
    assert names["changed"].shape == (6, 128, 2)
    assert capsys.readouterr().out.endswith("of 10\n")


@pytest.mark.slow
def test_the_goals_of_the_page_on_goals_are_reached_as_it_shows():
    names = {}
    for example in examples_in("docs/goals.md"):
        exec(compile(example, "docs/goals.md", "exec"), names)
        if "result" in names:
            assert names["result"].success.any()


def test_the_tests_that_the_mathematics_name_are_where_it_says():
    text = (ROOT / "docs" / "mathematics.md").read_text()
    named = re.findall(r"\[`(test_\w+)`\]\(\.\./(tests/[\w/]+\.py)\)", text)
    assert len(named) > 30
    for test, file in named:
        assert re.search(rf"^ *def {test}\(", (ROOT / file).read_text(), re.MULTILINE), f"{file} has no {test}"


def resolved(name):
    """What the dotted `name` is: a module, or something within one."""
    value = sa
    for part in name.split(".")[1:]:
        try:
            value = getattr(value, part)
        except AttributeError:  # a module that nothing has imported yet
            value = importlib.import_module(f"{value.__name__}.{part}")
    return value


DOCUMENTS = sorted(path.relative_to(ROOT) for path in (ROOT / "docs").rglob("*.md"))


@pytest.mark.parametrize("document", DOCUMENTS, ids=str)
def test_the_names_that_a_document_links_to_are_there(document):
    text = (ROOT / document).read_text()
    for label, name in re.findall(r"\[`([\w.]+)`\]\([\w./]*#(tf_strattack[\w.]*)\)", text):
        assert resolved(name) is not None
        assert f".{name}".endswith(f".{label.removeprefix('sa.')}"), f"{label} leads to {name}"


FILES = [*(path.name for path in ROOT.glob("*.md")), "results/README.md", *map(str, DOCUMENTS)]


@pytest.mark.parametrize("document", FILES)
def test_the_files_that_a_document_names_are_there(document):
    text, here = (ROOT / document).read_text(), (ROOT / document).parent
    linked = [here / path for path in re.findall(r"\]\(((?!https?:)[^)#\s]+)", text)]
    path = r"(?<![\w/.])((?:tf_strattack|eval|tests|training|docs)/[\w/]+\.py)"
    named = [ROOT / name for name in re.findall(path, text)]
    assert not [path for path in (*linked, *named) if not path.exists()]


def test_the_flags_of_each_program_are_on_its_page():
    spec = importlib.util.spec_from_file_location("flags_of_pages", ROOT / "docs" / "site" / "flags.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    pages = list(module.pages())
    assert {f"{name}.md" for name in PROGRAMS} == {page.name for page in pages}
    for page in pages:
        assert module.written(page) == page.read_text(), f"{page.name}: make flags writes what its program has now"
        assert f"flags of {PROGRAMS[page.stem].module}," in page.read_text()


def code_in(path):
    """The Python that a document or a notebook shows."""
    text = path.read_text()
    if path.suffix == ".md":
        return re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    cells = ["".join(cell["source"]) for cell in json.loads(text)["cells"] if cell["cell_type"] == "code"]
    return [re.sub(r"^%.*$", "", cell, flags=re.MULTILINE) for cell in cells]  # %matplotlib inline


WITH_CODE = ["README.md", *map(str, DOCUMENTS), *(f"docs/tutorials/{path.name}" for path in TUTORIALS)]


@pytest.mark.parametrize("document", WITH_CODE)
def test_names_and_keywords_in_code_are_those_of_the_library(document):
    path = ROOT / document
    for name in re.findall(
        r"(?<![\w.])sa(?:\.\w+)+", path.read_text() if path.suffix == ".md" else "".join(code_in(path))
    ):
        resolved(name)
    for node in (node for code in code_in(path) for node in ast.walk(ast.parse(code)) if isinstance(node, ast.Call)):
        name = ast.unparse(node.func)
        if re.fullmatch(r"sa(\.\w+)+", name):
            parameters = inspect.signature(resolved(name)).parameters
            unknown = {keyword.arg for keyword in node.keywords if keyword.arg} - parameters.keys()
            assert not unknown or any(p.kind == p.VAR_KEYWORD for p in parameters.values()), f"{name} has no {unknown}"


def test_what_one_line_commands_import_is_there():
    found = [
        statement.strip()
        for document in ("README.md", "BUILD.md", "results/README.md", *map(str, DOCUMENTS))
        for program in re.findall(r"python -c (?:\"([^\"]+)\"|'([^']+)')", (ROOT / document).read_text())
        for statement in "".join(program).split(";")
        if re.match(r"\s*(from|import) ", statement)
    ]
    assert len(found) >= 5
    for statement in found:
        exec(statement, {})


def test_the_layout_has_every_folder_and_no_other():
    text = (ROOT / "BUILD.md").read_text()
    layout = text[text.index("tf_strattack/  ") : text.index("## Versions")]
    named, above = set(), []
    for indent, names in re.findall(r"^( *)((?:[a-z_]+/ ?)+)", layout, re.MULTILINE):
        above = above[: len(indent) // 2]
        folders = ["/".join([*above, name]) for name in re.findall(r"([a-z_]+)/", names)]
        named |= set(folders)
        above = folders[-1].split("/")
    assert not [name for name in named if not (ROOT / name).is_dir()]
    packages = {
        path.parent.relative_to(ROOT).as_posix()
        for folder in ("tf_strattack", "eval", "training")
        for path in (ROOT / folder).rglob("__init__.py")
        if len(path.relative_to(ROOT).parts) <= 3
    }
    assert packages <= named


def test_the_equations_of_the_paper_are_all_in_the_table():
    text = (ROOT / "docs" / "mathematics.md").read_text()
    table = text[text.index("## From equations to functions") : text.index("## Where the paper's print")]
    found = set()
    for first_column in re.findall(r"^\| (.*?) \|", table, re.MULTILINE):
        for low, high in re.findall(r"\((\d+)\)(?: to \((\d+)\))?", first_column):
            found |= set(range(int(low), int(high or low) + 1))
    assert found >= set(range(1, 62)) - {24}, "(24) repeats (6)"
