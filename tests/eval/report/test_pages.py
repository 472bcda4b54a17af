"""The file of a report, its texts and its size; tests/browser has the tests in a browser."""

import json
import re

import pytest

from eval.report.page import Page, write_page
from eval.tables.measures import PAPER
from eval.tables.table import Table, plain
from tests.reports import make_report


def read_data(path):
    text = path.read_text()
    return json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)[1])


@pytest.mark.slow
def test_500_photographs_stay_below_10_mb(tmp_path):
    made = make_report(tmp_path / "report.html", 250, (224, 224, 3))
    assert made.path.stat().st_size < 10e6
    data = read_data(made.path)
    assert len(data["gallery"]["examples"]) == 500


@pytest.mark.slow
def test_500_small_examples_stay_below_10_mb(tmp_path):
    made = make_report(tmp_path / "report.html", 250, (32, 32, 3))
    data = read_data(made.path)
    assert made.path.stat().st_size < 10e6
    assert len(data["gallery"]["examples"]) == 500
    assert data["gallery"]["images"]["factor"] == 1


def test_a_page_is_one_file_that_trusts_no_name(tmp_path):
    made = make_report(tmp_path / "report.html", 8, (6, 6, 1))
    text = made.path.read_text()
    assert text.count("<script") == text.count("</script>")
    assert "<b>" not in text
    assert "--flag</span>=&#39;&lt;b&gt;&#39;" in text
    assert "default-src &#39;none&#39;" in text or "default-src 'none'" in text
    addresses = set(re.findall(r'(?:src|href)="(?!#|data:)([^"]*)"', text)) - {""}
    assert addresses == set()
    assert not [a for a in re.findall(r"https?://[^\s\"'<]+", text) if not a.startswith("http://www.w3.org/")]
    assert read_data(made.path)["matrix"]["labels"][1] == "</script><b>one"
    assert '<th scope="row">x.y</th><td>1</td>' in text


def test_a_page_may_have_nothing_but_tables(tmp_path):
    write_page(tmp_path / "report.html", Page("Empty", "command", {}, tables=[Table("T", ["a"], [[plain(1)]])]))
    text = (tmp_path / "report.html").read_text()
    assert 'id="gallery"' not in text
    assert 'id="matrix"' not in text


def test_version_time_and_parameters_stand_in_sight(tmp_path):
    facts = {"versions": {"tf_strattack": "9.8.7"}, "finished_at": "2026-01-31T12:34:56Z"}
    solver = {"class": "ProxLinear", "patience": 40, "inner": {"class": "Inner", "depth": None}}
    page = Page("T", "command", facts, parameters={"a": {"tau": 0.65, "solver": solver}})
    write_page(tmp_path / "report.html", page)
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", (tmp_path / "report.html").read_text()))
    assert "tf_strattack 9.8.7, 2026-01-31 12:34 UTC" in text
    assert "tau 0.65 solver ProxLinear patience 40 solver inner Inner depth None" in text


def test_rows_of_the_paper_are_marked(tmp_path):
    rows = [[plain(name), plain(1)] for name in ("a", PAPER, "b")]
    page = Page("T", "command", {}, tables=[Table("T", ["attack", "x"], rows)])
    write_page(tmp_path / "report.html", page)
    assert (tmp_path / "report.html").read_text().count('<tr class="paper">') == 1
