"""The pages of a gallery: sixty examples each, links to what is shown, and 500 examples that open at once."""

import time

import numpy as np
import pytest

from tests.browser.gallery import ON_A_PAGE, ROWS, card, measured, picture
from tests.reports import make_report

pytestmark = pytest.mark.browser


def test_a_page_has_sixty_examples(digits_report, visit):
    page = visit(digits_report.path)
    assert page.locator("#cards .card").count() == ON_A_PAGE
    assert page.locator("#count").inner_text().endswith("page 1 of 2")
    first = page.locator("#gallery .pager").first
    assert first.get_by_role("button", name="Previous").is_disabled()
    first.get_by_role("button", name="Next").focus()
    page.keyboard.press("Enter")
    assert page.locator("#cards .card").count() == 2 * ROWS - ON_A_PAGE
    assert page.url.endswith("#?page=2")
    assert first.get_by_role("button", name="Next").is_disabled()
    # The first example of the second page is drawn as the first ones are.
    np.testing.assert_allclose(picture(card(page, 0))[..., :1], digits_report.runs["one"].originals[30] * 255, atol=1)
    page.locator("#gallery .pager").last.get_by_role("button", name="Previous").click()
    assert page.locator("#count").inner_text().endswith("page 1 of 2")
    assert "#" not in page.url


def test_a_link_opens_the_state_that_it_names(digits_report, visit):
    page = visit(digits_report.path)
    page.select_option("select[name=success]", label="successful")
    page.select_option("select[name=order]", label="least groups")
    page.select_option("select[name=view]", label="slider")
    page.select_option("#matrix-measure", "linf")
    page.select_option("#matrix-attack", label="two")
    page.locator("#gallery .pager").first.get_by_role("button", name="Next").click()
    address, count, texts = page.url, page.locator("#count").inner_text(), measured(page, 1)
    page.locator("#contents a", has_text="Distributions").click()
    assert page.url == address
    other = visit(digits_report.path, state=address.partition("#")[2])
    assert other.locator("#count").inner_text() == count
    assert other.locator("select[name=order] option:checked").inner_text() == "least groups"
    assert measured(other, 1) == texts
    assert other.locator("#matrix-table caption").inner_text() == "ℓ∞, two"
    assert other.locator("#cards .card input[type=range]").first.is_visible()
    assert 0 <= other.locator("#gallery").bounding_box()["y"] < 120
    # What no report of this kind has is left out.
    wrong = visit(digits_report.path, state="?label=99&order=beauty&page=77&measure=x&of=9")
    assert wrong.locator("#count").inner_text() == f"{2 * ROWS} of {2 * ROWS} examples, page 2 of 2"


def test_contents_and_filters_stay_in_sight(digits_report, visit):
    page = visit(digits_report.path)
    page.locator("#cards li").last.scroll_into_view_if_needed()
    for selector in ("#contents", "#filters"):
        box = page.locator(selector).bounding_box()
        assert 0 <= box["y"] < 60, selector


def test_500_examples_open_at_once(tmp_path, visit):
    made = make_report(tmp_path / "report.html", 250, (32, 32, 3))
    assert made.path.stat().st_size < 10e6
    started = time.monotonic()
    page = visit(made.path)
    card(page, 0)
    seconds = time.monotonic() - started
    assert page.locator("#count").inner_text() == "500 of 500 examples, page 1 of 9"
    # Far more than it takes, but less than a reader's patience.
    assert seconds < 8
    # What is far down is not drawn before it is looked at.
    last = page.locator("#cards canvas").last
    assert last.evaluate("c => c.getContext('2d').getImageData(0, 0, 1, 1).data[3]") == 0
    card(page, 29, attack=1)
