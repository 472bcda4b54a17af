"""What a result says of itself."""

import dataclasses
import html.parser
import json
import sys

import numpy as np
import pytest

import tf_strattack as sa
from tf_strattack.percent import percent


@pytest.fixture(scope="module")
def result(mnist):
    """Some succeed, some fail."""
    images, labels, _ = sa.shipped.load_sample()
    found = sa.FGM()(mnist, images[:20], labels[:20], (labels[:20] + 1) % 10)
    assert 0 < found.success.sum() < 20
    return found


@pytest.fixture
def failed(result):
    return result[~result.success]


def test_a_result_is_shown_in_a_line(result):
    successes = int(result.success.sum())
    assert repr(result) == f"AttackResult(20 examples, {successes} successful, 'fgm', targeted)"
    assert repr(dataclasses.replace(result, targets=None)).endswith(" successful, 'fgm', untargeted)")
    one = dataclasses.replace(result[:1], success=np.array([True]), interrupted=True)
    assert repr(one) == "AttackResult(1 example, 1 successful, 'fgm', targeted, interrupted)"
    assert repr(dataclasses.replace(one, attack={})) == "AttackResult(1 example, 1 successful, targeted, interrupted)"
    assert repr(result[:0]) == "AttackResult(0 examples, 0 successful, 'fgm', targeted)"


def test_the_summary_is_of_the_successes(result):
    found, delta = result.summary(), result.delta[result.success].reshape(int(result.success.sum()), -1)
    assert found["examples"] == 20
    assert found["successes"] == len(delta)
    assert found["asr"] == len(delta) / 20
    assert found["l0"] == pytest.approx((np.abs(delta) > 1e-6).sum(axis=1).mean())
    for order, name in ((1, "l1"), (2, "l2"), (np.inf, "linf")):
        assert found[name] == pytest.approx(np.linalg.norm(delta, order, axis=1).mean(), rel=1e-5)
    for name in ("gradient_evaluations", "forward_evaluations", "seconds"):
        assert found[name] == pytest.approx(getattr(result, name).mean())
    assert json.loads(json.dumps(found)) == found


def test_means_over_nothing_are_none(result, failed):
    distances = ("l0", "l1", "l2", "linf")
    found = failed.summary()
    assert found["asr"] == 0.0
    assert [found[name] for name in distances] == [None] * 4
    assert found["gradient_evaluations"] is not None
    nothing = result[:0].summary()
    assert nothing.pop("examples") == nothing.pop("successes") == 0
    assert set(nothing.values()) == {None}


class Cells(html.parser.HTMLParser):
    def __init__(self, text):
        super().__init__()
        self.tags, self.texts = [], []
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)

    def handle_data(self, data):
        self.texts.append(data)


def test_notebooks_show_a_table(result, failed):
    text = result._repr_html_()
    cells = Cells(text)
    rows = dict(zip(cells.texts[::2], cells.texts[1::2], strict=True))
    assert rows["attack"] == "fgm, targeted"
    assert rows["examples"] == "20"
    assert rows["successful"] == f"{result.success.sum()} ({percent(result.success.mean())}%)"
    assert float(rows["mean l2 of the successful"]) == pytest.approx(result.summary()["l2"], rel=1e-3)
    assert "color" not in text  # that of the page holds, light or dark
    assert "None" not in failed._repr_html_()
    assert "interrupted" in dataclasses.replace(result, interrupted=True)._repr_html_()


def test_names_are_escaped(result):
    name = "<script>alert(1)</script> & more"
    cells = Cells(dataclasses.replace(result, attack={"name": name})._repr_html_())
    assert f"{name}, targeted" in cells.texts
    assert set(cells.tags) == {"table", "tbody", "tr", "th", "td"}


def test_a_data_frame_has_a_row_for_each_example(result):
    frame = result.to_pandas()
    assert len(frame) == 20
    assert frame.label.tolist() == result.labels.tolist()
    assert frame.success.tolist() == result.success.tolist()
    assert frame.target.tolist() == result.targets.tolist()
    np.testing.assert_array_equal(frame.l2.isna(), ~result.success)
    np.testing.assert_allclose(frame.l2[result.success], sa.metrics.l2(result.delta)[result.success])
    assert frame.l2.mean() == pytest.approx(result.summary()["l2"])
    assert "example_id" not in frame
    ids = [f"image_{row}" for row in range(20)]
    frame = dataclasses.replace(result, targets=None, example_ids=np.array(ids)).to_pandas()
    assert frame.columns[0] == "example_id"
    assert frame.example_id.tolist() == ids
    assert frame.target.isna().all()
    assert len(result[:0].to_pandas()) == 0


def test_without_pandas_it_is_said_how_to_get_it(result, monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match=r"expected pandas, received none .*: pip install tf-strattack\[pandas\]"):
        result.to_pandas()
