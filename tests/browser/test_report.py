"""What a reader does with a report, in a real browser: sort, filter, slide, point, and all of it by keyboard."""

import re
import time

import numpy as np
import pytest

from eval.report.page import Page, write_page
from eval.tables.measures import PAPER
from eval.tables.table import Table, plain
from tests.reports import GROUP_SIZE, LABELS, brightness_network, make_report
from tf_strattack.drawing import group_map

pytestmark = pytest.mark.browser
ROWS, ON_A_PAGE = 40, 60


@pytest.fixture(scope="module")
def digits_report(tmp_path_factory):
    return make_report(tmp_path_factory.mktemp("report") / "report.html", ROWS, (12, 10, 1))


@pytest.fixture(scope="module")
def colour_report(tmp_path_factory):
    return make_report(tmp_path_factory.mktemp("report") / "report.html", 6, (11, 11, 3))


def column(page, number):
    return page.locator(f"table.sortable tbody td:nth-child({number})").all_inner_texts()


def shown(page):
    """How many examples fit, as the page says, and on its first page all of them."""
    fitting = int(page.locator("#count").inner_text().split()[0])
    assert page.locator("#cards .card:visible").count() == min(fitting, ON_A_PAGE)
    return fitting


def card(page, row, attack=0):
    """The card of an example of one of two attacks, drawn."""
    item = page.locator("#cards li").nth(row).locator(".card").nth(attack)
    item.scroll_into_view_if_needed()
    page.wait_for_function(DRAWN, arg=item.element_handle())
    return item


def picture(item, panel=0):
    """The pixels (H, W, 3) of a card's canvas: of the original, the adversarial image, the change."""
    width, height, data = (
        item.locator("canvas")
        .nth(panel)
        .evaluate("c => [c.width, c.height, [...c.getContext('2d').getImageData(0, 0, c.width, c.height).data]]")
    )
    return np.array(data).reshape(height, width, 4)[..., :3]


def slide(item, value):
    item.locator("input[type=range]").evaluate(
        "(slider, value) => { slider.value = value; slider.dispatchEvent(new Event('input', {bubbles: true})); }", value
    )


def measured(page, column):
    """A column of the measures of all cards on the page, None where there is none."""
    texts = page.locator(f"#cards .measures tbody td:nth-child({column})").all_text_contents()
    return [None if text == "–" else float(text) for text in texts]


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


@pytest.mark.parametrize("kind", ["digits", "colours"])
def test_original_adversarial_and_change_stand_side_by_side(digits_report, colour_report, visit, kind):
    made = digits_report if kind == "digits" else colour_report
    page = visit(made.path)
    run = made.runs["one"]
    item = card(page, 1)
    original = np.broadcast_to(run.originals[1] * 255, (*run.originals[1].shape[:2], 3))
    delta = np.broadcast_to(run.delta[1] * 255, original.shape)
    boxes = [canvas.bounding_box() for canvas in item.locator("canvas").all()]
    assert len({box["y"] for box in boxes}) == 1
    assert boxes[0]["x"] < boxes[1]["x"] < boxes[2]["x"]
    assert not item.locator("input[type=range]").is_visible()
    np.testing.assert_allclose(picture(item, 0), original, atol=1)
    np.testing.assert_allclose(picture(item, 1), original + delta, atol=2)
    change = picture(item, 2)
    if kind == "digits":
        assert (change[run.delta[1][..., 0] == 0] == 247).all()
    else:
        np.testing.assert_allclose(change, 128 + 127 * run.delta[1] / np.abs(run.delta[1]).max(), atol=1.5)
    assert item.locator("figcaption").all_inner_texts()[2].split()[:2] == [
        "change",
        f"±{np.abs(run.delta[1]).max():.3f}",
    ]


def test_the_change_is_dark_on_a_dark_page(digits_report, visit):
    page = visit(digits_report.path, scheme="dark")
    run = digits_report.runs["one"]
    assert (picture(card(page, 1), 2)[run.delta[1][..., 0] == 0] == 38).all()
    page.emulate_media(color_scheme="light")
    canvas = card(page, 1).locator("canvas").nth(2).element_handle()
    page.wait_for_function("c => c.getContext('2d').getImageData(0, 0, 1, 1).data[0] > 200", arg=canvas)
    assert (picture(card(page, 1), 2)[run.delta[1][..., 0] == 0] == 247).all()


def test_what_the_network_sees_stands_under_its_images(tmp_path, visit):
    made = make_report(
        tmp_path / "report.html", 6, (12, 10, 1), attacks=("one",), network=brightness_network((12, 10, 1))
    )
    page = visit(made.path)
    for row in range(3):
        captions = card(page, row).locator("figcaption").all_inner_texts()
        run = made.runs["one"]
        for caption, images in zip(captions, (run.originals, run.originals + run.delta), strict=False):
            score = float(images[row].mean() - 0.5)
            share = 100 / (1 + np.exp(-abs(score)))
            assert caption.split("\n")[1:] == ["</script><b>one" if score > 0 else "zero", f"{share:.1f} %"]


@pytest.mark.parametrize("kind", ["digits", "colours"])
def test_the_slider_goes_from_original_over_adversarial_to_change(digits_report, colour_report, visit, kind):
    made = digits_report if kind == "digits" else colour_report
    page = visit(made.path)
    run = made.runs["one"]
    item = card(page, 1)
    original = np.broadcast_to(run.originals[1] * 255, (*run.originals[1].shape[:2], 3))
    delta = np.broadcast_to(run.delta[1] * 255, original.shape)
    page.select_option("select[name=view]", label="slider")
    view = item.locator("figcaption .kind").first
    assert view.inner_text() == "adversarial"
    assert item.locator("canvas:visible").count() == 1
    np.testing.assert_allclose(picture(item), original + delta, atol=2)
    slide(item, 0)
    assert view.inner_text() == "original"
    np.testing.assert_allclose(picture(item), original, atol=1)
    slide(item, 0.5)
    assert view.inner_text() == "50 % original, 50 % adversarial"
    np.testing.assert_allclose(picture(item), original + delta / 2, atol=2)
    slide(item, 2)
    assert view.inner_text() == "change"
    perturbation = picture(item)
    if kind == "digits":
        grows, falls = run.delta[1][..., 0] > 0.05, run.delta[1][..., 0] < -0.05
        assert (perturbation[grows][:, 0] > perturbation[grows][:, 2]).all()
        assert (perturbation[falls][:, 0] < perturbation[falls][:, 2]).all()
        assert (perturbation[run.delta[1][..., 0] == 0] == 247).all()
    else:
        limit = np.abs(run.delta[1]).max()
        np.testing.assert_allclose(perturbation, 128 + 127 * run.delta[1] / limit, atol=1.5)


def test_attacks_on_an_example_stand_side_by_side(digits_report, visit):
    page = visit(digits_report.path)
    for attack, name in enumerate(("one", "two")):
        item = card(page, 3, attack)
        assert item.locator("header strong").inner_text() == name
        np.testing.assert_allclose(picture(item)[..., :1], digits_report.runs[name].originals[3] * 255, atol=1)


def test_one_slider_moves_all(digits_report, visit):
    page = visit(digits_report.path)
    page.select_option("select[name=view]", label="slider")
    page.locator("input[name=all]").evaluate(
        "slider => { slider.value = 0; slider.dispatchEvent(new Event('input', {bubbles: true})); }"
    )
    kinds = page.locator("#cards figure:first-child .kind").all_text_contents()
    assert set(kinds) == {"original"}
    run = digits_report.runs["one"]
    item = card(page, 2)
    np.testing.assert_allclose(picture(item)[..., :1], run.originals[2] * 255, atol=1)


def expected_reading(run, index, row, col):
    original, delta = run.originals[index, row, col, 0], run.delta[index, row, col, 0]
    mean = group_map(run.delta[index], GROUP_SIZE)[row, col]
    return row, col, original, original + delta, delta, row // GROUP_SIZE, col // GROUP_SIZE, mean


def reading(text):
    number = r"([-+]?[\d.]+)"
    pixel = f"pixel .{number}, {number}.: {number} → {number}, change {number}"
    pattern = f"{pixel}; group .{number}, {number}.: mean .change. {number}"
    return tuple(map(float, re.fullmatch(pattern, text).groups()))


def test_pointing_names_the_pixel_and_its_group(digits_report, visit):
    page = visit(digits_report.path)
    run = digits_report.runs["one"]
    item = card(page, 1)
    canvas = item.locator("canvas").nth(2)
    box = canvas.bounding_box()
    changed = np.argwhere(run.delta[1][..., 0] != 0)[3]
    for row, col in (changed, (0, 0), (11, 9)):
        canvas.hover(position={"x": (col + 0.5) * box["width"] / 10, "y": (row + 0.5) * box["height"] / 12})
        found = reading(item.locator(".readout").inner_text())
        np.testing.assert_allclose(found, expected_reading(run, 1, int(row), int(col)), atol=0.006)
    page.mouse.move(0, 0)
    assert item.locator(".readout").inner_text() == ""


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


def test_contents_and_filters_stay_in_sight(digits_report, visit):
    page = visit(digits_report.path)
    page.locator("#cards li").last.scroll_into_view_if_needed()
    for selector in ("#contents", "#filters"):
        box = page.locator(selector).bounding_box()
        assert 0 <= box["y"] < 60, selector


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
DRAWN = "item => item.querySelector('canvas').getContext('2d').getImageData(0, 0, 1, 1).data[3] > 0"


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
