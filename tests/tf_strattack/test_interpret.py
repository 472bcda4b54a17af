"""Saliency, regions and the score against their definitions: Jacobians class by class, closed forms, a net by hand."""

import numpy as np
import pytest
import tensorflow as tf

import tf_strattack as sa
from tests.builders import count_traces, linear_network
from tf_strattack import interpret


def jacobian(classifier, images):
    """∂Z_k/∂x_i of every class, (N, K, H, W, C)."""
    x = tf.constant(images)
    with tf.GradientTape() as tape:
        tape.watch(x)
        logits = classifier.logits(x)
    return tape.batch_jacobian(logits, x).numpy()


def saliency(derivatives, labels, targets, form):
    """Equations (61) and (60), an example at a time and as they are printed."""
    maps = []
    for per_class, label, target in zip(derivatives, labels, targets, strict=True):
        a = per_class[target]
        b = per_class[label] if form == "pair" else sum(per_class[j] for j in range(len(per_class)) if j != target)
        maps.append(np.where((a < 0) | (b > 0), 0.0, a * np.abs(b)))
    return np.stack(maps)


@pytest.mark.parametrize("form", ["pair", "full"])
def test_asm_is_its_definition_by_per_class_jacobians(exact, form):
    classifier, images, labels, targets = exact
    ours = interpret.asm(classifier, images, labels, targets, form=form)
    expected = saliency(jacobian(classifier, images), labels, targets, form)
    assert (expected > 0).any()
    np.testing.assert_allclose(ours, expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("form", ["pair", "full"])
def test_asm_of_a_shipped_network_is_its_definition(mnist, digits, form):
    images, labels, targets = (part[:4] for part in digits)
    expected = saliency(jacobian(mnist, images), labels, targets, form)
    ours = interpret.asm(mnist, images, labels, targets, form=form)
    np.testing.assert_allclose(ours, expected, rtol=1e-3, atol=1e-4 * expected.max())


@pytest.mark.parametrize("form", ["pair", "full"])
def test_asm_of_a_linear_network_has_a_closed_form(form):
    weights, classifier, images, labels, targets = linear_network(25)
    ours = interpret.asm(classifier, images, labels, targets, form=form).reshape(6, 25)
    towards = weights[targets]
    rival = weights[labels] if form == "pair" else weights.sum(axis=0) - towards
    np.testing.assert_allclose(ours, np.maximum(towards, 0) * np.maximum(-rival, 0), rtol=1e-5, atol=1e-6)


def test_asm_of_a_network_worked_by_hand():
    # Z_0 = relu(x_0 - x_1) + x_2, Z_1 = 2 x_1 - x_2, Z_2 = -x_0 + 3 x_3, at x = (0.5, 0.25, 0.5, 0.5).
    def network(images):
        x0, x1, x2, x3 = tf.unstack(tf.reshape(images, [-1, 4]), axis=1)
        return tf.stack([tf.nn.relu(x0 - x1) + x2, 2 * x1 - x2, -x0 + 3 * x3], axis=1)

    classifier = sa.Classifier.from_callable(network)
    image = np.array([0.5, 0.25, 0.5, 0.5], np.float32).reshape(1, 2, 2, 1)
    # From 0 to 1: a = (0, 2, -1, 0), b = (1, -1, 1, 0), so only x_1 counts, with 2 * 1.
    pair = interpret.asm(classifier, image, [0], [1])
    np.testing.assert_allclose(pair.ravel(), [0, 2, 0, 0])
    # b = ∂(Z_0 + Z_2) = (1 - 1, -1, 1, 3).
    full = interpret.asm(classifier, image, [0], [1], form="full")
    np.testing.assert_allclose(full.ravel(), [0, 2, 0, 0])
    # From 1 to 2: a = (-1, 0, 0, 3); pair: b = (0, 2, -1, 0); full: b = ∂(Z_0 + Z_1) = (1, 1, 0, 0).
    np.testing.assert_allclose(interpret.asm(classifier, image, [1], [2]).ravel(), [0, 0, 0, 0])
    # From 2 to 0: a = (1, -1, 1, 0); pair: b = (-1, 0, 0, 3); full: b = ∂(Z_1 + Z_2) = (-1, 2, -1, 3).
    np.testing.assert_allclose(interpret.asm(classifier, image, [2], [0]).ravel(), [1, 0, 0, 0])
    np.testing.assert_allclose(interpret.asm(classifier, image, [2], [0], form="full").ravel(), [1, 0, 1, 0])


def test_the_scale_of_the_pixels_does_not_matter(exact):
    classifier, images, labels, targets = exact
    scaled = sa.Classifier.from_callable(lambda x: classifier.logits(x / 255), bounds=(0, 255))
    ours, expected = (interpret.asm(c, x, labels, targets) for c, x in ((scaled, images * 255), (classifier, images)))
    np.testing.assert_allclose(ours, expected, rtol=1e-4, atol=1e-6)


def test_no_map_depends_on_the_batch(exact):
    classifier, images, labels, targets = exact
    together = interpret.asm(classifier, images, labels, targets)
    np.testing.assert_array_equal(interpret.asm(classifier, images, labels, targets, batch_size=4), together)
    np.testing.assert_array_equal(interpret.asm(classifier, images[5:6], labels[5:6], targets[5:6]), together[5:6])
    assert interpret.asm(classifier, images[:0], labels[:0], targets[:0]).shape == (0, 6, 6, 1)


def test_maps_are_traced_once():
    classifier, images, labels, traced = count_traces(20, 3)
    targets = (labels + 1) % 4
    interpret.asm(classifier, images, labels, targets)
    before = len(traced)
    for rows in (1, 7, 20):
        interpret.asm(classifier, images[:rows], labels[:rows], targets[:rows], batch_size=5)
    assert len(traced) == before


@pytest.mark.parametrize("nonzero", [False, True])
@pytest.mark.parametrize("percentile", [0, 30, 90, 100])
def test_a_region_is_what_lies_above_the_percentile_of_its_own_example(percentile, nonzero):
    scores = (
        np.maximum(np.random.default_rng(0).normal(size=(5, 4, 3, 2)), 0)
        * np.array([1, 1, 1, 50, 0])[:, None, None, None]
    )
    region = interpret.binary_asm(scores, percentile, nonzero=nonzero)
    assert region.dtype == bool
    for one, inside in zip(scores, region, strict=True):
        counted = one[one > 0] if nonzero else one.ravel()
        ranked = np.sort(counted)
        if not len(ranked):
            assert not inside.any()
            continue
        place = percentile / 100 * (len(ranked) - 1)
        low = ranked[int(place)]
        threshold = low + (place - int(place)) * (ranked[min(int(place) + 1, len(ranked) - 1)] - low)
        np.testing.assert_array_equal(inside, one > threshold + 1e-12)


def test_equal_scores_make_no_region():
    scores = np.full((2, 3, 3), np.float32(0.1))
    for percentile in (10, 50, 100 / 3):
        assert not interpret.binary_asm(scores, percentile).any()


def test_the_score_is_the_part_of_the_perturbation_within_the_region():
    rng = np.random.default_rng(0)
    delta = rng.normal(size=(4, 5, 6, 3))
    region = rng.random((4, 5, 6, 3)) < 0.4
    inside, outside = np.where(region, delta, 0), np.where(region, 0, delta)
    np.testing.assert_array_equal(interpret.interpretability_score(inside, region), 1.0)
    np.testing.assert_array_equal(interpret.interpretability_score(outside, region), 0.0)
    expected = [np.linalg.norm(one) / np.linalg.norm(whole) for one, whole in zip(inside, delta, strict=True)]
    np.testing.assert_allclose(interpret.interpretability_score(delta, region), expected)
    assert np.isnan(interpret.interpretability_score(np.zeros((1, 2, 2, 1)), np.ones((1, 2, 2, 1), bool))).all()


def test_a_region_without_channels_holds_for_all_of_them():
    delta = np.random.default_rng(1).normal(size=(2, 4, 4, 3)).astype(np.float32)
    region = np.random.default_rng(2).random((2, 4, 4)) < 0.5
    everywhere = np.repeat(region[..., None], 3, axis=3)
    np.testing.assert_array_equal(
        interpret.interpretability_score(delta, region), interpret.interpretability_score(delta, everywhere)
    )


@pytest.mark.parametrize("batch_size", [0, -1, 1.5, "auto"])
def test_a_bad_batch_size_is_refused(exact, batch_size):
    classifier, images, labels, targets = exact
    for call in (
        lambda: interpret.asm(classifier, images, labels, targets, batch_size=batch_size),
        lambda: classifier.predict(images, batch_size=batch_size),
    ):
        with pytest.raises(sa.InputError, match="expected batch_size to be a whole number of at least 1, received"):
            call()


def test_nothing_has_no_region():
    for shape in ((0, 4, 4, 1), (0, 4, 4)):
        assert interpret.binary_asm(np.zeros(shape), 50).shape == shape
        assert interpret.binary_asm(np.zeros(shape), 50, nonzero=True).shape == shape


MISTAKES = [
    (lambda c, x, y, t: interpret.asm(c, x, y, None), "expected targets, one for each image, received None"),
    (lambda c, x, y, t: interpret.asm(c, x, y, y), "expected targets other than the labels"),
    (lambda c, x, y, t: interpret.asm(c, x, y, t, form="61"), "expected form to be one of pair, full, received '61'"),
    (lambda c, x, y, t: interpret.asm(c, x[0], y, t), r"expected images of shape \(N, H, W, C\)"),
    (lambda c, x, y, t: interpret.asm(c, x, y[:2], t), r"expected labels of shape \(27,\)"),
    (lambda c, x, y, t: interpret.grad_cam(c, x, y, layer=["a"]), "expected layer= to be the name of a layer"),
    (lambda c, x, y, t: interpret.interpretability_score(x * np.nan, x > 0), "expected perturbations of finite"),
    (lambda c, x, y, t: interpret.binary_asm(x, 101), "expected percentile to be a number at least 0 and at most 100"),
    (lambda c, x, y, t: interpret.binary_asm(x * np.nan, 50), r"expected finite scores \(N, ...\)"),
    (lambda c, x, y, t: interpret.binary_asm(y, 50), r"expected finite scores \(N, ...\)"),
    (lambda c, x, y, t: interpret.interpretability_score(x, x > 2), None),
    (lambda c, x, y, t: interpret.interpretability_score(x, x), "expected a region of booleans, received float32"),
    (lambda c, x, y, t: interpret.interpretability_score(x, x[:3] > 0), "and a region of the same shape"),
]


@pytest.mark.parametrize(("call", "message"), MISTAKES)
def test_mistakes_are_named(exact, call, message):
    if message is None:
        np.testing.assert_array_equal(call(*exact), 0.0)
        return
    with pytest.raises(sa.InputError, match=message):
        call(*exact)
