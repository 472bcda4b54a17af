"""The figure of a comparison."""

import itertools
import json

from matplotlib.text import Text

from eval.studies.comparison.figure import comparison_figure
from tests.programs import ROOT


def test_no_name_in_the_figure_covers_another():
    rows = json.loads((ROOT / "results" / "table1_mnist" / "table1.json").read_text())["rows"]
    figure = comparison_figure(rows)
    figure.draw_without_rendering()
    names = {row["name"] for row in rows if row["shown"]}
    for axes in figure.axes:
        texts = [text for text in axes.texts if text.get_text().split(" (")[0] in names]
        boxes = [Text.get_window_extent(text) for text in texts]  # without the line to the dot
        assert len(boxes) == len(names)
        for one, other in itertools.combinations(boxes, 2):
            assert not one.overlaps(other)
