"""The documentation site: built strictly, complete, and asking no other host for anything (`make test-slow`)."""

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.programs import PATIENCE
from tests.public import public

pytest.importorskip("mkdocs", reason="needs requirements-docs.txt, which make test-slow installs")

ROOT = Path(__file__).parent.parent


@pytest.fixture(scope="module")
def offline():
    """The hook docs/site/offline.py."""
    spec = importlib.util.spec_from_file_location("offline", ROOT / "docs" / "site" / "offline.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """The directory of the site, and what the build said."""
    site = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(site)]
    quiet = {**os.environ, "NO_MKDOCS_2_WARNING": "1"}  # a notice of the theme, as in the Makefile
    done = subprocess.run(command, cwd=ROOT, env=quiet, capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 0, done.stderr
    return site, done.stdout + done.stderr


@pytest.mark.slow
def test_the_site_is_built_without_a_warning(built):
    site, said = built
    assert "WARNING" not in said
    assert "ERROR" not in said
    for page in (
        "index",
        "BUILD",
        "docs/programs/table1",
        "docs/concepts",
        "docs/tutorials/digits",
        "results/index",
        "docs/reference/strattack",
    ):
        assert (site / f"{page}.html").stat().st_size > 5000


@pytest.mark.slow
def test_every_public_name_has_an_anchor(built):
    site, _ = built
    pages = "".join(page.read_text() for page in (site / "docs" / "reference").glob("*.html"))
    anchors = set(re.findall(r'id="(tf_strattack[^"]*)"', pages))
    # What other attacks redefine, such as `iterations`, has the anchor of `Attack`.
    without = [
        name
        for name, value in public().items()
        if not anchors
        & {
            f"tf_strattack.{name}",
            f"tf_strattack.{name.removeprefix('groups.')}",
            f"{value.__module__}.{value.__qualname__}",
            f"tf_strattack.Attack.{value.__name__}",
        }
    ]
    assert without == []


@pytest.mark.slow
def test_no_page_asks_another_host(built, offline):
    site, _ = built
    assert len(list(site.rglob("*.html"))) > 30
    assert offline.foreign_requests(site) == []


@pytest.mark.slow
def test_formulas_are_rendered_and_notebooks_bring_no_scripts(built):
    site, _ = built
    mathematics = (site / "docs" / "mathematics.html").read_text()
    assert mathematics.count('display="block"') > 10
    assert mathematics.count('class="katex-html"') == mathematics.count("<math") > 60
    assert (site / "katex" / "fonts" / "KaTeX_Main-Regular.woff2").exists()
    assert not (site / "katex" / "katex.min.js").exists()
    reference = (site / "docs" / "reference" / "strattack.html").read_text()
    assert reference.count('class="katex-html"') > 4, "formulas of docstrings"
    assert "Parameters:</span>" in reference
    for page in site.rglob("*.html"):
        text = page.read_text()
        assert "arithmatex" not in text, page
        assert not re.search(r"MathJax\.|mermaid", text), page
    notebooks = list((ROOT / "docs" / "tutorials").glob("*.ipynb"))
    assert len(notebooks) >= 4
    for notebook in notebooks:
        page = (site / "docs" / "tutorials" / notebook.name).with_suffix(".html").read_text()
        assert not re.search(r'(?:href|src)="[^"]+\.(?:md|ipynb)[#"]', page), notebook
        assert len(re.findall(r"import(?:<[^>]+>|\s)+tf_strattack(?:<[^>]+>|\s)+as", page)) == 1, (
            "its code is there once"
        )


def test_formulas_of_docstrings_are_found_and_written_in_latex():
    pytest.importorskip("griffe")
    spec = importlib.util.spec_from_file_location("docstrings", ROOT / "docs" / "site" / "docstrings.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    text = "Minimises tau sum_i ||delta_{D_i}||_2 + 1/2 ||d - y_hat||_2^2 for a group c.\n\n    argmin_d ||d||_1\n"
    assert module.readable(text) == (
        r"Minimises $\tau  \sum_i  \lVert \delta _{\mathcal{D}_i} \rVert _2 + "
        r"\tfrac{1}{2} \lVert d - \hat{y} \rVert _2^2$ for a group c."
        "\n\n    argmin_d ||d||_1\n"
    )
    assert module.readable("the sum_i of a, and -x = 3") == "the sum_i of a, and -x = 3"
    assert 'identifier="tf_strattack.StrAttack" optional' in module.readable("as `StrAttack` does")


@pytest.mark.parametrize(
    "element",
    [
        '<script src="https://cdn.example/a.js"></script>',
        '<link rel="stylesheet" href="//cdn.example/a.css">',
        '<style type="text/css">@import "https://cdn.example/a.css";</style>',
        '<img src="HTTPS://cdn.example/a.png">',
        '<svg><image href="//cdn.example/a.png"/></svg>',
        '<video poster="https://cdn.example/a.png"></video>',
        '<img src="http://example/a.png">',
        '<link rel="preconnect" href="https://fonts.example">',
        '<p style="background: url(https://example/a.png)">',
        "<style>@import 'https://example/a.css';</style>",
        '<img srcset="a.png 1x, https://example/b.png 2x">',
        '<iframe src="https://example"></iframe>',
    ],
)
def test_a_foreign_request_is_found(element, offline, tmp_path):
    (tmp_path / "page.html").write_text(f"<html><body>{element}</body></html>")
    (tmp_path / "fine.html").write_text(
        '<link rel="canonical" href="https://here.example"><a href="https://example">out</a><img src="data:image/png,">'
        '<script src="a.js"></script><svg xmlns="http://www.w3.org/2000/svg"></svg>'
    )
    ((name, address),) = offline.foreign_requests(tmp_path)
    assert name == "page.html"
    assert "example" in address


def test_a_font_in_a_style_is_found(offline, tmp_path):
    (tmp_path / "a.css").write_text("@font-face { src: url('https://fonts.example/a.woff2') }")
    (tmp_path / "b.css").write_text("a { background: url('data:image/svg+xml;utf8,<svg xmlns=http://www.w3.org/>') }")
    assert offline.foreign_requests(tmp_path) == [("a.css", "https://fonts.example/a.woff2")]
