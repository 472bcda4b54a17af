"""The figure of a comparison."""

import itertools
import json

import pytest
from matplotlib.text import Text
from matplotlib.transforms import Bbox

from eval.figures.placing import Name, Place, places_of
from eval.studies.comparison.figure import comparison_chart, comparison_figure
from tests.programs import ROOT


def rows_of(table):
    return json.loads((ROOT / "results" / table / "table1.json").read_text())["rows"]


@pytest.mark.parametrize("table", ["table1_mnist", "table1_mnist_1000", "table1_cifar10", "table1_cifar10_1000"])
def test_no_name_in_the_figure_covers_another(table):
    rows = rows_of(table)
    figure = comparison_figure(rows)
    figure.draw_without_rendering()
    names = {row["name"] for row in rows if row["shown"]} | {"τ 0.25", "τ 4"}
    front = 2 if any(row["tau"] for row in rows) else 0
    for axes in figure.axes:
        texts = [text for text in axes.texts if text.get_text().split(" (")[0] in names]
        boxes = [Text.get_window_extent(text) for text in texts]  # without the line to the dot
        assert len(boxes) == sum(row["shown"] for row in rows) + front
        for one, other in itertools.combinations(boxes, 2):
            assert not one.overlaps(other)


def test_an_outlier_leaves_room_for_the_other_attacks():
    axes = comparison_figure(rows_of("table1_cifar10")).axes[0]
    left, bottom = axes.transData.transform((80, 0.39))
    right, top = axes.transData.transform((3000, 0.88))
    assert right - left > 0.5 * axes.bbox.width
    assert top - bottom > 0.3 * axes.bbox.height


@pytest.mark.parametrize(("low", "high"), [(0.549, 0.555), (74, 136), (0.06, 0.9), (2, 90000)])
def test_an_axis_has_several_numbers_whatever_its_range(low, high):
    rows = rows_of("table1_imagenet_56")
    for row, value in zip(rows, (low, high), strict=True):
        row["average"] |= {"l0": value, "l2": value}
    axes = comparison_figure(rows).axes[0]
    for axis, (first, last) in ((axes.xaxis, axes.get_xlim()), (axes.yaxis, axes.get_ylim())):
        assert 2 <= sum(first <= number <= last for number in axis.get_majorticklocs()) <= 20


@pytest.mark.parametrize("failing", [1, 2])
def test_attacks_that_never_succeed_have_no_dots_and_no_names(failing):
    rows = rows_of("table1_imagenet_56")
    for row in rows[:failing]:
        row["average"] = dict.fromkeys(row["average"]) | {"asr": 0.0}
    figure = comparison_figure(rows)
    figure.draw_without_rendering()
    assert all(len(axes.texts) == len(rows) - failing for axes in figure.axes)
    legend = comparison_chart(rows).legend
    assert legend == [row["name"] + " (ASR 0.0 %)" * (row in rows[:failing]) for row in rows]


def test_no_rate_below_100_percent_is_shown_as_100():
    rows = rows_of("table1_mnist_1000")
    names = {text.get_text() for axes in comparison_figure(rows).axes for text in axes.texts}
    (rate,) = (name.partition(" (")[2] for name in names if name.startswith("ifgm_l2 "))
    assert rate == "ASR 99.9 %)"


def test_a_line_to_a_dot_goes_around_other_names():
    dots = [(60, 60), (62, 60), (45, 75), (52, 66)]
    names = [Name(*dot, 90, 10) for dot in dots]
    taken = [Bbox.from_extents(x - 5, y - 5, x + 5, y + 5) for x, y in dots]
    places = places_of(names, taken, Bbox.from_extents(30, 0, 400, 200))
    boxes = [place.box(name) for place, name in zip(places, names, strict=True)]
    lines = [place.line(name) for place, name in zip(places, names, strict=True)]
    assert [line is not None for line in lines] == [False, False, False, True]
    for one, other in itertools.permutations(range(len(names)), 2):
        assert not boxes[one].overlaps(boxes[other])
        assert not boxes[one].overlaps(taken[other])
        assert lines[one] is None or not lines[one].intersects_bbox(boxes[other])


def test_a_name_without_room_stays_in_the_window():
    window = Bbox.from_extents(0, 0, 95, 40)
    place = places_of([Name(40, 15, 50, 10)], [window], window)[0]
    assert place == Place(0, 9, "center", "bottom")
