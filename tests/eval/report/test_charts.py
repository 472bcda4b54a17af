"""The charts and drawings of a report."""

import re
import xml.etree.ElementTree

import numpy as np
from matplotlib.figure import Figure

from eval.report.building import drawings, with_examples
from eval.report.charts import charts_of
from eval.report.examples import collect
from eval.report.page import Page, write_page
from tests.reports import batch, shared_originals


def test_charts_are_svg_in_the_colours_of_the_page():
    run = batch(40, (6, 6, 1), 0)
    examples = collect({"a": [run], "b": [run]}, {"a": 40, "b": 40})
    charts = charts_of(examples)
    ids: list[str] = []
    for chart in charts:
        assert chart.legend == ["a", "b"]
        assert len(chart.panels) == 5
        for panel in chart.panels:
            root = xml.etree.ElementTree.fromstring(panel)
            ids += [element.attrib["id"] for element in root.iter() if "id" in element.attrib]
            assert "currentColor" in panel
            assert "var(--series-1)" in panel
            assert not re.search(r"#[0-9a-f]{6}", panel)
            used = set(re.findall(r'(?:href="#|url\(#)([^")]+)', panel))
            assert used <= set(ids)
    assert len(ids) == len(set(ids))
    # 32 of 40 succeed.
    assert "a 80.0%, b 80.0%" in charts[1].alt


def test_drawings_take_their_room_from_the_gallery(tmp_path):
    figure = Figure(figsize=(9, 9))
    axes = figure.subplots()
    axes.imshow(np.random.default_rng(0).integers(0, 256, size=(900, 900, 3), dtype=np.uint8))
    axes.set_title("noise")
    (drawn,) = drawings(("P", "noise", figure), ("none", "none", None))
    svg = drawn.panels[0]
    assert "data:image/png;base64," in svg
    assert "noise" in svg
    assert "#000000" not in svg  # text and axes have the page's colour, and pictures their white ground
    page = Page("T", "command", {}, charts=[drawn] * int(8e6 / len(svg)))
    run = shared_originals(batch(60, (96, 96, 3), 0))
    alone, beside = (with_examples(p, {"a": [run]}, {"a": 60}, {}) for p in (Page("T", "c", {}), page))
    assert alone.gallery["images"]["factor"] == 1
    assert beside.gallery["images"]["factor"] > 1
    write_page(tmp_path / "report.html", beside)
    assert (tmp_path / "report.html").stat().st_size < 10e6
