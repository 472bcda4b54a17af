"""The examples that a report shows, with what the network sees in them."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

import tf_strattack as sa
from eval.inputs.groups import parse_groups
from eval.report.examples import MOST_SHOWN, Batch, collect
from eval.report.gallery import gallery_of
from eval.report.images import BUDGET
from eval.report.predictions import predict
from tests.reports import batch
from tests.slow import first_quick


def rows_of(examples, rows):
    """Some of the examples."""
    return Batch(*(part[rows] for part in examples[:7]))


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
