"""The pictures of an example: the original, the adversarial image, the change, and the pixel pointed at."""

import numpy as np
import pytest

from tests.browser.gallery import card, expected_reading, picture, reading
from tests.reports import brightness_network, make_report

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def colour_report(tmp_path_factory):
    return make_report(tmp_path_factory.mktemp("report") / "report.html", 6, (11, 11, 3))


@pytest.fixture(params=["digits", "colours"])
def kind(request):
    return request.param


@pytest.fixture
def drawn(digits_report, colour_report, visit, kind):
    """A page, a card on it, its run, and its original image and its change in levels, (H, W, 3)."""
    made = digits_report if kind == "digits" else colour_report
    page = visit(made.path)
    run = made.runs["one"]
    original = np.broadcast_to(run.originals[1] * 255, (*run.originals[1].shape[:2], 3))
    return page, card(page, 1), run, original, np.broadcast_to(run.delta[1] * 255, original.shape)


def slide(item, value):
    item.locator("input[type=range]").evaluate(
        "(slider, value) => { slider.value = value; slider.dispatchEvent(new Event('input', {bubbles: true})); }", value
    )


def test_original_adversarial_and_change_stand_side_by_side(drawn, kind):
    _, item, run, original, delta = drawn
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


def test_the_slider_goes_from_original_over_adversarial_to_change(drawn, kind):
    page, item, run, original, delta = drawn
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
