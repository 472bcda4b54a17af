"""A report is for every reader: by keyboard, in a narrow window, in light and dark, with words for pictures."""

import re

import numpy as np
import pytest

from tests.browser.gallery import card, column, expected_reading, reading

pytestmark = pytest.mark.browser
FOCUS = "(({tagName, name, textContent}) => [tagName, name || textContent])(document.activeElement)"


def test_everything_is_within_reach_of_the_keyboard(digits_report, visit):
    page = visit(digits_report.path)
    run = digits_report.runs["one"]
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the results"
    reached = set()
    for _ in range(60):
        page.keyboard.press("Tab")
        place = page.evaluate(FOCUS)
        reached.add(tuple(place))
        if place == ["BUTTON", "value"]:
            page.keyboard.press("Enter")
            assert column(page, 2) == ["-3e1", "9", "10.5 %", "-"]
        if page.evaluate("document.activeElement.className") == "stage":
            break
    assert {
        ("A", "Examples"),
        ("BUTTON", "Copy"),
        ("BUTTON", "name"),
        ("BUTTON", "value"),
        ("SELECT", "label"),
        ("SELECT", "attack"),
        ("SELECT", "view"),
        ("BUTTON", "Next ›"),
    } <= reached
    item = card(page, 0)
    assert item.locator(".stage").evaluate("stage => stage === document.activeElement")
    page.keyboard.press("ArrowRight")
    row, col = (int(n) for n in reading(item.locator(".readout").inner_text())[:2])
    assert (row, col) == (6, 5)
    page.keyboard.press("ArrowUp")
    page.keyboard.press("ArrowLeft")
    found = reading(item.locator(".readout").inner_text())
    np.testing.assert_allclose(found, expected_reading(run, 0, 5, 4), atol=0.006)
    page.keyboard.press("Escape")
    assert item.locator(".readout").inner_text() == ""
    page.keyboard.press("Enter")
    page.keyboard.press("Tab")
    slider = item.locator("input[type=range]")
    assert slider.evaluate("slider => slider === document.activeElement")
    page.keyboard.press("Home")
    assert slider.get_attribute("aria-valuetext") == "original"
    page.keyboard.press("End")
    assert slider.get_attribute("aria-valuetext") == "change"
    page.keyboard.press("ArrowLeft")
    assert slider.get_attribute("aria-valuetext") == "5 % adversarial, 95 % change"
    page.keyboard.press("Shift+Tab")
    page.keyboard.press("Enter")
    assert item.locator("canvas:visible").count() == 3


@pytest.mark.parametrize("width", [1280, 390])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_fits_the_window_in_light_and_dark(digits_report, visit, width, scheme):
    page = visit(digits_report.path, width=width, scheme=scheme)
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    ground, ink = page.evaluate(
        "[getComputedStyle(document.body).backgroundColor, getComputedStyle(document.body).color]"
    )
    brightness = [sum(map(int, re.findall(r"\d+", colour)[:3])) / 3 for colour in (ground, ink)]
    assert (brightness[0] > brightness[1]) == (scheme == "light")
    # WCAG's contrast for text, of every kind of text there is.
    for selector in TEXTS:
        contrast = page.locator(selector).first.evaluate(CONTRAST)
        assert contrast >= 4.5, (selector, contrast)


TEXTS = (
    *("body", ".stamp", ".meaning", ".note", ".values dt", ".legend li", "summary", "#contents a", "#copy"),
    *("#matrix-table td", "#count", ".pair strong", ".attack", "figcaption .kind", ".measures th"),
    *(".succeeded", ".failed", ".unsuccessful figcaption b"),
)
CONTRAST = """element => {
  const canvas = new OffscreenCanvas(1, 1).getContext("2d", {willReadFrequently: true});
  const layers = [];
  for (let at = element; at; at = at.parentElement) layers.unshift(getComputedStyle(at).backgroundColor);
  canvas.fillStyle = "white";
  for (const layer of ["white", ...layers]) { canvas.fillStyle = layer; canvas.fillRect(0, 0, 1, 1); }
  const ground = [...canvas.getImageData(0, 0, 1, 1).data];
  canvas.fillStyle = getComputedStyle(element).color; canvas.fillRect(0, 0, 1, 1);
  const ink = [...canvas.getImageData(0, 0, 1, 1).data];
  const light = (colour) => {
    const [r, g, b] = colour.map((v) => (v / 255 <= 0.04045 ? v / 255 / 12.92 : ((v / 255 + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const [a, b] = [light(ground), light(ink)];
  return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
}"""
NAME = "c => c.getAttribute('aria-label') || [...(c.labels ?? []), c].map((e) => e.textContent).join()"


def test_every_picture_has_words(digits_report, visit):
    page = visit(digits_report.path)
    card(page, 0)
    images = page.locator("img")
    assert all(images.nth(n).get_attribute("alt") for n in range(images.count()))
    charts = page.locator(".chart[role=img]")
    assert charts.count() == 2
    assert all(charts.nth(n).get_attribute("aria-label") for n in range(2))
    label = page.locator("#cards .stage").first.get_attribute("aria-label")
    assert label.startswith("original, adversarial, change: zero → 10, one, successful, ℓ0")
    controls = page.locator("select, input, button")
    for number in range(30):
        control = controls.nth(number)
        name = control.evaluate(NAME)
        assert name.strip()
