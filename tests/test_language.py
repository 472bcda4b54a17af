"""Documents and programs are in plain English, without words that readers stumble on; documents wrap at 100 columns."""

import ast
import io
import itertools
import json
import re
import tokenize

import pytest

from tests.programs import ROOT

# What not to write, and what to write in its place. CONTRIBUTING.md has the rules behind it.
AVOID = {
    r"tells?|told|telling": "say, report, show",
    r"anew|afresh": "again",
    r"goes on|go on|going on|went on": "continue, resume",
    r"(?:evaluations?|gradients?|seconds|passes|images?|targets?|rows?) (?:an|a) (?:example|image|target|row)": "per",
    r"beside": "next to, compared with",
    r"besides": "in addition, also",
    r"lessens?|lessened": "reduce",
    r"mends?|mended|mending": "fix",
    r"dear|dearer|dearest": "expensive",
    r"to and fro": "back and forth",
    r"as of": "as those of, as with",
    r"likewise": "in the same way, also",
    r"whereof|thereof|wherein|therein|hereby": "of which, in it",
}
# A sentence that begins with the genitive of what it is about.
FRONTED = re.compile(r"(?:^|[.!?:;]\s+)Of (?:a|an|the|such|those|these|all|each|several|its|two|what)\b[^.]{0,80}")

DOCUMENTS = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), ROOT / "results" / "README.md"]
NOTEBOOKS = [*(ROOT / "docs" / "tutorials").glob("*.ipynb")]
SOURCES = [path for folder in ("tf_strattack", "eval", "training", "tests") for path in ROOT.glob(f"{folder}/**/*.py")]
SOURCES.remove(ROOT / "tests" / "test_language.py")  # it quotes the words
NAMES = {path: str(path.relative_to(ROOT)) for path in (*DOCUMENTS, *NOTEBOOKS, *SOURCES)}


def stumbles(text):
    """The words of `text` that are to be avoided, each with what to write in its place."""
    found = [
        (match[0], instead)
        for words, instead in AVOID.items()
        for match in re.finditer(rf"\b(?:{words})\b", text, re.IGNORECASE)
    ]
    return found + [(match[0], "the subject first") for match in FRONTED.finditer(text)]


def prose(text):
    """A document without its code, in lines that end where paragraphs do."""
    text = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    text = re.sub(r"^ {4,}\S.*$", "", text, flags=re.MULTILINE)
    text = re.sub(r"^## Language$.*?(?=^## )", "", text, flags=re.MULTILINE | re.DOTALL)  # CONTRIBUTING.md quotes them
    text = re.sub(r"<!-- flags of .*?<!-- end of flags -->", "", text, flags=re.DOTALL)  # the programs' own words
    text = re.sub(r"`[^`\n]+`|\]\([^)]*\)", "", text)
    return re.sub(r"(?<!\n)\n(?![\n|#*-])", " ", text)


def comments(source):
    """The comments of a Python source; lines below each other are one comment."""
    tokens = tokenize.generate_tokens(io.StringIO(source).readline)
    lines = [(token.start[0], token.string.lstrip("#! ")) for token in tokens if token.type == tokenize.COMMENT]
    blocks = itertools.groupby(enumerate(lines), lambda numbered: numbered[1][0] - numbered[0])
    return [" ".join(text for _, (_, text) in block) for _, block in blocks]


def literals(source):
    """The texts of a Python source: docstrings, strings, f-strings without their values, and names of tests."""
    tree = ast.parse(source)
    parts = {part for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
    for node in ast.walk(tree):
        if isinstance(node, ast.JoinedStr):
            yield "".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in parts:
            yield node.value
        elif isinstance(node, ast.FunctionDef) and node.name.startswith("test_"):
            yield node.name.replace("_", " ")


def stumbles_in(source):
    """The words of a Python source that are to be avoided; flags, and names in backquotes, may be any."""
    texts = [" ".join(re.sub(r"`[^`]+`|--\w+", "it", text).split()) for text in (*comments(source), *literals(source))]
    return [found for text in texts for found in stumbles(text)]


@pytest.mark.parametrize("path", DOCUMENTS, ids=NAMES.get)
def test_a_document_has_no_word_to_stumble_on(path):
    assert stumbles(prose(path.read_text())) == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=NAMES.get)
def test_the_text_of_a_notebook_has_no_word_to_stumble_on(path):
    cells = json.loads(path.read_text())["cells"]
    assert stumbles(prose("\n\n".join("".join(c["source"]) for c in cells if c["cell_type"] == "markdown"))) == []


@pytest.mark.parametrize("path", SOURCES, ids=NAMES.get)
def test_a_program_has_no_word_to_stumble_on(path):
    assert stumbles_in(path.read_text()) == []


@pytest.mark.parametrize("path", DOCUMENTS, ids=NAMES.get)
def test_lines_of_a_document_wrap_at_100_columns(path):
    text = re.sub(r"^```.*?^```", "", path.read_text(), flags=re.MULTILINE | re.DOTALL)
    lines = [line for line in text.splitlines() if not re.match(r"\s*\||    |#|!\[|::: ", line)]
    assert [line for line in lines if len(line) > 100 and " " in line.strip()[:100]] == []


def test_what_is_to_be_avoided_is_found():
    assert [word for word, _ in stumbles("He told it anew, 3 gradients an example.")] == [
        "told",
        "anew",
        "gradients an example",
    ]
    assert stumbles("Of a model with two inputs one is the image.")
    assert not stumbles("It costs 3 gradients per example, and continues.")


def test_what_is_to_be_avoided_is_found_in_a_program():
    """In docstrings, comments and messages; names in backquotes and flags may be anything."""
    for source in (
        '"""It is made anew."""',
        "x = 1  # made anew",
        "# It is made\n# anew.",
        'raise ValueError(f"made {1} anew")',
        '"""A first line.\n\n    Of a model with two inputs one is the image."""',
    ):
        assert stumbles_in(source), source
    assert not stumbles_in('anew = """`anew` or --anew"""')
