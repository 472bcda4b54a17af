"""The tutorials are stored as they ran, and run again."""

import base64
import json
import re
from io import BytesIO

import pytest
from PIL import Image

from tests.notebooks import METADATA, ROOT, TUTORIALS, execute

NAMES = ["digits", "interpretation", "retraining", "saved_model", "structure"]
LARGEST = 400_000
# What would differ from machine to machine or from day to day, or is of no use once it is over.
UNWANTED = {
    "an absolute path": r"(?<![\w.:/)\]])/[\w.-]+/[\w.-]+|\b[A-Z]:\\",
    "a time": r"\b\d{4}-\d\d-\d\d\b|\b\d\d:\d\d:\d\d\b|\b\d{8}-\d{6}\b",
    "a progress bar": r"\r|█|it/s|ms/step",
}

every_notebook = pytest.mark.parametrize("path", TUTORIALS, ids=[path.stem for path in TUTORIALS])


def read(path):
    return json.loads(path.read_text())


def code_cells(notebook):
    return [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]


def joined(text):
    return text if isinstance(text, str) else "".join(text)


def printed(cell):
    """All that a cell wrote as text."""
    return "".join(joined(output.get("text", "")) for output in cell["outputs"])


def pictures(cell):
    return [output["data"]["image/png"] for output in cell["outputs"] if "image/png" in output.get("data", {})]


def stable_texts(notebook):
    """What the cells tagged `stable` printed, by the cell's id: the same wherever they run."""
    return {cell["id"]: printed(cell) for cell in code_cells(notebook) if "stable" in cell["metadata"].get("tags", [])}


def anchors(document):
    """The anchors of a Markdown file's headings, as GitHub names them."""
    headings = re.findall(r"^#+ (.*)$", document.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_the_tutorials_are_there_and_listed():
    assert [path.stem for path in TUTORIALS] == NAMES
    listed = (ROOT / "docs" / "tutorials" / "README.md").read_text()
    assert sorted(re.findall(r"\]\((\w+)\.ipynb\)", listed)) == NAMES


@every_notebook
def test_a_tutorial_is_stored_as_it_ran(path):
    notebook = read(path)
    cells = code_cells(notebook)
    assert [cell["execution_count"] for cell in cells] == list(range(1, len(cells) + 1))
    kinds = {output["output_type"] for cell in cells for output in cell["outputs"]}
    assert kinds <= {"stream", "display_data", "execute_result"}
    assert not [cell["id"] for cell in cells for output in cell["outputs"] if output.get("name") == "stderr"]
    texts = stable_texts(notebook)
    assert len(texts) >= 2
    assert all(texts.values())
    figures = [picture for cell in cells for picture in pictures(cell)]
    assert len(figures) >= 2
    for figure in figures:
        assert min(Image.open(BytesIO(base64.b64decode(joined(figure)))).size) > 100


@every_notebook
def test_a_tutorial_holds_nothing_of_the_machine_that_ran_it(path):
    notebook = read(path)
    assert path.stat().st_size < LARGEST
    assert notebook["metadata"] == METADATA
    for cell in notebook["cells"]:
        assert re.fullmatch(r"[a-z]+(-[a-z]+)*", cell["id"]), "expected an id that says what the cell is"
        assert set(cell["metadata"]) <= {"tags"}
        text = joined(cell["source"]) + "\n" + (printed(cell) if cell["cell_type"] == "code" else "")
        for what, pattern in UNWANTED.items():
            found = re.search(pattern, text)
            assert not found, f"{what} in the cell {cell['id']}: {found[0]!r}"
    assert len({cell["id"] for cell in notebook["cells"]}) == len(notebook["cells"])


@every_notebook
def test_links_lead_somewhere(path):
    texts = [joined(cell["source"]) for cell in read(path)["cells"] if cell["cell_type"] == "markdown"]
    links = [link for text in texts for link in re.findall(r"\]\(([^)]+)\)", text)]
    assert links
    for link in links:
        place, _, anchor = link.partition("#")
        document = path.parent / place
        document = document / "README.md" if document.is_dir() else document
        assert document.exists(), link
        assert not anchor or anchor in anchors(document), link


@pytest.mark.slow
@every_notebook
def test_a_tutorial_runs(path, tmp_path):
    beside = sorted(path.parent.iterdir())
    stored, executed = read(path), execute(path, tmp_path)
    assert not [cell["id"] for cell in code_cells(executed) for o in cell["outputs"] if o.get("name") == "stderr"]
    assert stable_texts(executed) == stable_texts(stored)
    for before, after in zip(code_cells(stored), code_cells(executed), strict=True):
        assert len(pictures(after)) == len(pictures(before)), after["id"]
    assert sorted(path.parent.iterdir()) == beside
