"""What a reader puts in order in a report: columns of tables, and examples."""

import pytest

from eval.report.page import Page, write_page
from eval.tables.measures import PAPER
from eval.tables.table import Table, plain
from tests.browser.gallery import ROWS, column, measured
from tests.reports import make_report

pytestmark = pytest.mark.browser


def test_a_heading_sorts_its_column_up_and_down(digits_report, visit):
    page = visit(digits_report.path)
    heading = page.locator("table.sortable th", has_text="value")
    assert heading.get_attribute("aria-sort") is None
    heading.locator("button").click()
    assert column(page, 2) == ["-3e1", "9", "10.5 %", "-"]
    assert heading.get_attribute("aria-sort") == "ascending"
    heading.locator("button").click()
    assert column(page, 2) == ["10.5 %", "9", "-3e1", "-"]
    assert heading.get_attribute("aria-sort") == "descending"
    page.locator("table.sortable th", has_text="name").locator("button").click()
    assert column(page, 1) == ["a", "b", "c", "d"]
    assert heading.get_attribute("aria-sort") is None


def test_rows_of_the_paper_stay_beneath_ours(tmp_path, visit):
    rows = [[plain("x"), plain(2)], [plain(PAPER), plain(3)], [plain("y"), plain(1)], [plain(PAPER), plain(4)]]
    write_page(tmp_path / "report.html", Page("T", "command", {}, tables=[Table("T", ["attack", "value"], rows)]))
    page = visit(tmp_path / "report.html")
    page.locator("table.sortable th", has_text="value").locator("button").click()
    assert column(page, 1) == ["y", PAPER, "x", PAPER]
    assert column(page, 2) == ["1", "4", "2", "3"]


def test_failures_come_last_in_both_directions(tmp_path, visit):
    run = make_report(tmp_path / "report.html", ROWS, (12, 10, 1), attacks=("one",)).runs["one"]
    page = visit(tmp_path / "report.html")
    failed = int((~run.success).sum())
    for order, reverse in (("least ℓ0", False), ("most ℓ0", True)):
        page.select_option("select[name=order]", label=order)
        values = measured(page, 1)
        assert values[-failed:] == [None] * failed
        assert values[:-failed] == sorted(values[:-failed], reverse=reverse)
        assert len(set(values)) > 10


def test_several_attacks_are_put_in_order_together(digits_report, visit):
    page = visit(digits_report.path)
    page.select_option("select[name=order]", label="most ℓ2")
    pairs = [
        [float(v) for v in item.locator(".measures tbody td:nth-child(3)").all_text_contents() if v != "–"]
        for item in page.locator("#cards li").all()
    ]
    most = [max(pair) for pair in pairs]
    assert most == sorted(most, reverse=True)
    assert all(len(pair) == 2 for pair in pairs)
