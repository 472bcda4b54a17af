"""What a browser shows of a report: its tables, the cards of its examples, their pictures and numbers."""

import re

import numpy as np

from tests.reports import GROUP_SIZE
from tf_strattack.drawing import group_map

ROWS, ON_A_PAGE = 40, 60
DRAWN = "item => item.querySelector('canvas').getContext('2d').getImageData(0, 0, 1, 1).data[3] > 0"


def column(page, number):
    return page.locator(f"table.sortable tbody td:nth-child({number})").all_inner_texts()


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


def measured(page, column):
    """A column of the measures of all cards on the page, None where there is none."""
    texts = page.locator(f"#cards .measures tbody td:nth-child({column})").all_text_contents()
    return [None if text == "–" else float(text) for text in texts]


def expected_reading(run, index, row, col):
    original, delta = run.originals[index, row, col, 0], run.delta[index, row, col, 0]
    mean = group_map(run.delta[index], GROUP_SIZE)[row, col]
    return row, col, original, original + delta, delta, row // GROUP_SIZE, col // GROUP_SIZE, mean


def reading(text):
    number = r"([-+]?[\d.]+)"
    pixel = f"pixel .{number}, {number}.: {number} → {number}, change {number}"
    pattern = f"{pixel}; group .{number}, {number}.: mean .change. {number}"
    return tuple(map(float, re.fullmatch(pattern, text).groups()))
