"""The report's numbers and bytes; tests/browser has the tests in a browser."""

import base64
import dataclasses
import io
import json
import re
import xml.etree.ElementTree

import numpy as np
import pytest
import tensorflow as tf
from matplotlib.figure import Figure
from PIL import Image

import tf_strattack as sa
from eval.inputs.groups import parse_groups
from eval.report.building import drawings, with_examples
from eval.report.charts import charts_of
from eval.report.examples import MOST_SHOWN, Batch, collect
from eval.report.failures import failures_of
from eval.report.gallery import gallery_of
from eval.report.images import BUDGET, code_example, embed
from eval.report.matrix import matrix_of
from eval.report.page import Page, write_page
from eval.report.predictions import predict
from eval.tables.measures import PAPER
from eval.tables.table import Table, plain
from tests.reports import GROUP_SIZE, MASK, batch, make_report, shared_originals
from tests.slow import first_quick
from tf_strattack import metrics
from tf_strattack.drawing import group_means


def pixels(address):
    """The picture behind a data: address."""
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(address.partition(",")[2]))))


def rows_of(examples, rows):
    """Some of the examples."""
    return Batch(*(part[rows] for part in examples[:7]))


def read_data(path):
    text = path.read_text()
    return json.loads(re.search(r'<script type="application/json" id="data">(.*?)</script>', text, re.DOTALL)[1])


@pytest.mark.parametrize("shape", [(6, 6, 1), (7, 5, 3)])
def test_a_coded_perturbation_is_within_half_a_step_and_zero_is_exact(shape):
    examples = batch(4, shape, 0)
    for original, delta in zip(examples.originals, examples.delta, strict=True):
        coded = code_example(original, delta, "x", MASK)
        back = (coded.change.astype(float) - 128) / 127 * coded.limit
        assert np.abs(back - delta).max() <= coded.limit / 254 + 1e-6
        np.testing.assert_array_equal(back == 0, np.abs(delta) < coded.limit / 254)
        np.testing.assert_allclose(coded.original / 255, original, atol=1e-6)
        means = group_means(delta, GROUP_SIZE)
        np.testing.assert_allclose(coded.groups / 255 * coded.group_limit, means, atol=coded.group_limit / 500)


def coded(rows, shape):
    examples = shared_originals(batch(rows, shape, 1))
    parts = zip(examples.originals, examples.delta, examples.image_ids, strict=True)
    return [code_example(original, delta, name, MASK) for original, delta, name in parts]


def test_small_images_are_embedded_exactly_and_an_original_once():
    examples = coded(6, (8, 8, 3))
    embedded = embed(examples, BUDGET)
    assert (embedded["factor"], embedded["exact"], len(embedded["originals"])) == (1, True, 3)
    for example, row in zip(examples, embedded["examples"], strict=True):
        np.testing.assert_array_equal(pixels(row["change"]), example.change)
        np.testing.assert_array_equal(pixels(embedded["originals"][row["original"]]), example.original)


def test_what_does_not_fit_is_averaged_over_blocks():
    examples = coded(6, (31, 30, 3))
    budget = 6000
    embedded = embed(examples, budget)
    factor = embedded["factor"]
    assert factor > 1
    assert sum(len(row["change"]) + len(row["groups"] or "") for row in embedded["examples"]) < budget
    for example, row in zip(examples, embedded["examples"], strict=True):
        small = pixels(row["change"])
        for i in range(small.shape[0]):
            for j in range(small.shape[1]):
                block = example.change[i * factor : (i + 1) * factor, j * factor : (j + 1) * factor].astype(float)
                assert np.abs(small[i, j] - block.mean(axis=(0, 1))).max() <= 0.5 + 1e-4


@pytest.mark.slow
def test_500_photographs_stay_below_10_mb(tmp_path):
    made = make_report(tmp_path / "report.html", 250, (224, 224, 3))
    assert made.path.stat().st_size < 10e6
    data = read_data(made.path)
    assert len(data["gallery"]["examples"]) == 500


@pytest.mark.slow
def test_500_small_examples_stay_below_10_mb(tmp_path):
    made = make_report(tmp_path / "report.html", 250, (32, 32, 3))
    data = read_data(made.path)
    assert made.path.stat().st_size < 10e6
    assert len(data["gallery"]["examples"]) == 500
    assert data["gallery"]["images"]["factor"] == 1


def test_the_gallery_shows_the_same_examples_of_each_attack():
    runs = {name: batch(400, (4, 4, 1), 0) for name in ("a", "b", "c")}
    halves = {name: [rows_of(b, slice(150)), rows_of(b, slice(150, None))] for name, b in runs.items()}
    examples = collect(halves, dict.fromkeys(runs, 400))
    assert len(examples.labels) == 1200
    places = np.array(examples.places).reshape(3, -1) - np.array([[0], [400], [800]])
    assert places.size <= MOST_SHOWN
    assert (places == places[0]).all()
    assert len(np.unique(places[0])) == MOST_SHOWN // 3
    for place, shown in zip(examples.places, examples.coded, strict=True):
        np.testing.assert_allclose(shown.original / 255, runs["a"].originals[place % 400], atol=1e-6)


def test_the_matrix_is_means_by_attack_label_and_target():
    runs = {name: batch(60, (6, 6, 1), seed) for seed, name in enumerate(("a", "b"))}
    examples = collect({n: [b] for n, b in runs.items()}, dict.fromkeys(runs, 60))
    matrix = matrix_of(examples, {0: "zero"})
    assert matrix["labels"] == ["zero", "1", "2", "3"]
    assert matrix["targets"] == ["10", "11", "12"]
    assert len(matrix["cells"]) == 24
    for attack, label, target, number, values in matrix["cells"]:
        run = list(runs.values())[attack]
        rows = (run.labels == label) & (run.targets == 10 + target)
        assert number == rows.sum()
        assert values[0] == round(run.success[rows].mean(), 4)
        successes = run.delta[rows & run.success]
        expected = [*(getattr(metrics, name)(successes).mean() for name in ("l0", "l1", "l2", "linf"))]
        expected.append(metrics.nonzero_groups(successes, 2).mean())
        np.testing.assert_allclose(values[1:], expected, atol=1e-4)
    assert list(matrix["measures"]) == ["asr", "l0", "l1", "l2", "linf", "nonzero_groups"]


def test_many_classes_are_a_list_of_the_most_frequent_pairs():
    run = batch(3000, (2, 2, 1), 0)
    run = run._replace(labels=np.arange(3000) % 100, targets=100 + np.arange(3000) // 3 % 900)
    run.labels[:7], run.targets[:7] = 5, 7
    matrix = matrix_of(collect({"a": [run]}, {"a": 3000}), {})
    assert matrix["sparse"]
    assert len(matrix["cells"]) == 1000
    assert matrix["cells"][0][3] == 7
    pairs = len({*zip(run.labels.tolist(), run.targets.tolist(), strict=True)})
    assert matrix["left_out"] == pairs - 1000
    assert len(json.dumps(matrix)) < 200_000


def test_group_means_that_would_fill_the_page_are_left_out():
    plain = np.full((40, 40, 1), 128, np.uint8)
    examples = [one._replace(change=plain, original=plain) for one in coded(6, (40, 40, 1))]
    assert embed(examples, BUDGET)["examples"][0]["groups"] is not None
    embedded = embed(examples, 4000)
    assert embedded["factor"] == 1
    assert embedded["examples"][0]["groups"] is None


def test_untargeted_examples_and_complete_failure_are_shown():
    run = batch(6, (4, 4, 1), 0)
    run = run._replace(targets=np.full(6, -1), success=np.zeros(6, bool), delta=np.zeros_like(run.delta))
    examples = collect({"a": [run]}, {"a": 6})
    matrix = matrix_of(examples, {})
    assert matrix["targets"] == ["untargeted"]
    assert all(values == [0, None, None, None, None, None] for *_, values in matrix["cells"])
    assert charts_of(examples) == []


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
    assert "a 80%, b 80%" in charts[1].alt


def test_a_page_is_one_file_that_trusts_no_name(tmp_path):
    made = make_report(tmp_path / "report.html", 8, (6, 6, 1))
    text = made.path.read_text()
    assert text.count("<script") == text.count("</script>")
    assert "<b>" not in text
    assert "--flag</span>=&#39;&lt;b&gt;&#39;" in text
    assert "default-src &#39;none&#39;" in text or "default-src 'none'" in text
    addresses = set(re.findall(r'(?:src|href)="(?!#|data:)([^"]*)"', text)) - {""}
    assert addresses == set()
    assert not [a for a in re.findall(r"https?://[^\s\"'<]+", text) if not a.startswith("http://www.w3.org/")]
    assert read_data(made.path)["matrix"]["labels"][1] == "</script><b>one"
    assert '<th scope="row">x.y</th><td>1</td>' in text


def test_a_page_may_have_nothing_but_tables(tmp_path):
    write_page(tmp_path / "report.html", Page("Empty", "command", {}, tables=[Table("T", ["a"], [[plain(1)]])]))
    text = (tmp_path / "report.html").read_text()
    assert 'id="gallery"' not in text
    assert 'id="matrix"' not in text


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


def test_examples_of_every_shard_are_those_of_their_attack():
    run = batch(40, (4, 4, 1), 0)
    shards = [rows_of(run, slice(20)), rows_of(run, slice(20, None))]
    assert set(collect({"a": shards}, {"a": 40}).attacks) == {"a"}


@pytest.mark.parametrize("outputs", first_quick(["logits", "probabilities"]))
def test_what_the_network_sees_is_shown_before_and_after(outputs):
    images, labels, _ = sa.shipped.load_sample()
    shipped = sa.shipped.load_classifier()
    softmax = tf.nn.softmax if outputs == "probabilities" else tf.identity
    # A tenth of the logits: no probability is 1 in float32.
    function = lambda x: softmax(shipped.logits(x) / 10)  # noqa: E731
    network = sa.Classifier.from_callable(function, bounds=(0, 1), outputs=outputs)
    result = sa.FGM(epsilon=0.3)(shipped, images[:8], labels[:8])
    result = dataclasses.replace(result, example_ids=np.array([f"image_{row}_untargeted" for row in range(8)]))
    seen = Batch.of(result, parse_groups("squares:2"))
    gallery = gallery_of(collect({"a": [seen]}, {"a": 8}, {"a": network}), {3: "three"}, BUDGET)
    shares = [tf.nn.softmax(shipped.predict(part) / 10).numpy() for part in (result.images, result.adversarial)]
    assert 0 < result.success.sum()
    for row, example in enumerate(gallery["examples"]):
        for (place, share), expected in zip(example["seen"], shares, strict=True):
            number = int(expected[row].argmax())
            assert gallery["classes"][place] == {3: "three"}.get(number, str(number))
            assert share == pytest.approx(expected[row, number], abs=1e-3)
        (before, _), (after, _) = example["seen"]
        assert (before != after) == result.success[row]
        assert example["gradients"] == result.gradient_evaluations[row]


def test_a_network_of_one_score_has_two_probabilities():
    weights = np.linspace(-1, 1, 16, dtype=np.float32).reshape(16, 1)
    network = sa.Classifier.from_callable(lambda x: tf.reshape(x, (-1, 16)) @ weights, bounds=(0, 1), outputs="logits")
    images = np.random.default_rng(0).random((5, 4, 4, 1), np.float32)
    score = images.reshape(5, 16) @ weights[:, 0]
    for found, z in zip(predict(network, images, 1 - images), score, strict=True):
        assert found.before == int(z > 0)
        assert found.before_share == pytest.approx(1 / (1 + np.exp(-abs(z))), abs=1e-5)


def test_a_failure_has_no_distance():
    run = batch(10, (4, 4, 1), 0)
    gallery = gallery_of(collect({"a": [run]}, {"a": 10}), {}, BUDGET)
    for example, success in zip(gallery["examples"], run.success, strict=True):
        assert example["success"] == success
        assert all((example[name] is not None) == success for name in ("l0", "l1", "l2", "linf", "nonzero_groups"))
        assert example["seen"] is None
        assert example["gradients"] is None


def test_the_matrix_opens_at_a_measure_that_varies():
    run = batch(60, (6, 6, 1), 0)
    run = run._replace(success=np.arange(60) < 50)
    assert matrix_of(collect({"a": [run]}, {"a": 60}), {})["first"] == ["asr"]
    run = run._replace(success=np.ones(60, bool))
    assert matrix_of(collect({"a": [run]}, {"a": 60}), {})["first"] == ["l2"]
    same = run._replace(delta=np.full_like(run.delta, 0.1))
    assert matrix_of(collect({"a": [same]}, {"a": 60}), {})["first"] == ["asr"]


def test_failures_are_counted_by_label_and_target():
    run = batch(3000, (2, 2, 1), 0)
    run = run._replace(labels=np.arange(3000) % 7, targets=10 + np.arange(3000) % 5)
    good = batch(10, (2, 2, 1), 0)
    runs = {"good": [good._replace(success=np.ones(10, bool))], "poor": [run]}
    (found,) = failures_of(collect(runs, {"good": 10, "poor": 3000}), {4: "four"})
    assert (found.attack, found.place, found.number, found.total) == ("poor", 1, 600, 3000)
    # Every fifth fails, all of them towards 14.
    assert {pair.target for pair in found.pairs} == {"14"}
    assert len(found.pairs) + found.more == 7
    for pair in found.pairs:
        name = {"four": 4}.get(pair.label, pair.label)
        assert pair.number == (~run.success & (run.labels == int(name))).sum()


def test_version_time_and_parameters_stand_in_sight(tmp_path):
    facts = {"versions": {"tf_strattack": "9.8.7"}, "finished_at": "2026-01-31T12:34:56Z"}
    solver = {"class": "ProxLinear", "patience": 40, "inner": {"class": "Inner", "depth": None}}
    page = Page("T", "command", facts, parameters={"a": {"tau": 0.65, "solver": solver}})
    write_page(tmp_path / "report.html", page)
    text = re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", (tmp_path / "report.html").read_text()))
    assert "tf_strattack 9.8.7, 2026-01-31 12:34 UTC" in text
    assert "tau 0.65 solver ProxLinear patience 40 solver inner Inner depth None" in text


def test_rows_of_the_paper_are_marked(tmp_path):
    rows = [[plain(name), plain(1)] for name in ("a", PAPER, "b")]
    page = Page("T", "command", {}, tables=[Table("T", ["attack", "x"], rows)])
    write_page(tmp_path / "report.html", page)
    assert (tmp_path / "report.html").read_text().count('<tr class="paper">') == 1
