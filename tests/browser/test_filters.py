"""Which examples a reader chooses in a report: by filters, and in the matrix."""

import numpy as np
import pytest

from tests.browser.gallery import ON_A_PAGE, ROWS
from tests.reports import LABELS, make_report

pytestmark = pytest.mark.browser


def shown(page):
    """How many examples fit, as the page says, and on its first page all of them."""
    fitting = int(page.locator("#count").inner_text().split()[0])
    assert page.locator("#cards .card:visible").count() == min(fitting, ON_A_PAGE)
    return fitting


def test_filters_leave_the_examples_that_fit(digits_report, visit):
    page = visit(digits_report.path)
    runs = digits_report.runs
    assert shown(page) == 2 * ROWS
    page.select_option("select[name=label]", label="zero")
    assert shown(page) == 2 * ROWS // LABELS
    page.select_option("select[name=target]", label="11")
    expected = sum(int(((run.labels == 0) & (run.targets == 11)).sum()) for run in runs.values())
    assert shown(page) == expected
    page.select_option("select[name=attack]", label="two")
    two = runs["two"]
    fitting = (two.labels == 0) & (two.targets == 11)
    assert shown(page) == fitting.sum()
    page.select_option("select[name=success]", label="failed")
    assert shown(page) == (fitting & ~two.success).sum()
    assert page.locator("#count").inner_text() == f"{(fitting & ~two.success).sum()} of {2 * ROWS} examples"
    page.get_by_role("button", name="Reset").click()
    page.wait_for_function(f"() => document.getElementById('count').textContent.startsWith('{2 * ROWS} of')")
    assert shown(page) == 2 * ROWS
    assert "#" not in page.url


def test_only_classes_that_occur_can_be_chosen(tmp_path, visit):
    # 12 examples of one attack: label row % 4, target 10 + row % 3, of which rows 4 and 9 fail.
    made = make_report(tmp_path / "report.html", 12, (6, 6, 1), attacks=("one",))
    page = visit(made.path)
    page.select_option("select[name=success]", label="failed")
    options = page.locator("select[name=label] option")
    disabled = {option.inner_text() for option in options.all() if option.is_disabled()}
    assert disabled == {"2", "3"}


def test_a_cell_of_the_matrix_shows_its_examples(digits_report, visit):
    page = visit(digits_report.path)
    run = digits_report.runs["one"]
    page.locator("#matrix-table tbody tr").nth(2).locator("td").nth(1).click()
    number = ((run.labels == 2) & (run.targets == 11)).sum()
    page.wait_for_function(f"() => document.getElementById('count').textContent.startsWith('{number} of')")
    assert shown(page) == number
    link = page.locator("#failures a.state").first
    assert link.inner_text() == f"{(~run.success).sum()} of {ROWS}"
    link.click()
    page.wait_for_function("() => document.querySelector('select[name=success]').value === '0'")
    assert shown(page) == (~run.success).sum()


def test_the_matrix_shows_what_is_chosen(digits_report, visit):
    page = visit(digits_report.path)
    run = digits_report.runs["two"]
    page.select_option("#matrix-measure", "l2")
    page.select_option("#matrix-attack", label="two")
    cell = page.locator("#matrix-table tbody tr").nth(2).locator("td").nth(1)
    rows = (run.labels == 2) & (run.targets == 11) & run.success
    expected = np.mean([np.linalg.norm(delta) for delta in run.delta[rows]])
    assert cell.inner_text() == f"{expected:.3f}"
    assert page.locator("#matrix-table caption").inner_text() == "ℓ2, two"
    assert page.locator("#matrix-table tbody th").nth(1).inner_text() == "</script><b>one"
