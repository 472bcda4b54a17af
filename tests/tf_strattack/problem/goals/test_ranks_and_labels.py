"""TopK and MultiLabel, alone and joined, against their definition written out in NumPy."""

import numpy as np
import pytest
import tensorflow as tf

import tf_strattack as sa
from tests.tf_strattack.problem.goals.definitions import QUICK, asked, margins_of


def numeric_gradient(value, images, step=1e-2):
    """Central differences of `value` (N,) of images."""
    slopes = np.zeros(images.shape)
    for place in np.ndindex(images.shape[1:]):
        moved = np.zeros(images.shape, np.float32)
        moved[(slice(None), *place)] = step
        slopes[(slice(None), *place)] = (value(images + moved) - value(images - moved)) / (2 * step)
    return slopes


@pytest.mark.parametrize("k", [2, *(pytest.param(k, marks=pytest.mark.slow) for k in (1, 3))])
@pytest.mark.parametrize("targeted", [True, False])
def test_top_k_is_the_k_th_highest_of_the_others(networks, images, k, targeted):
    network = networks[0]
    labels = network.classify(images)
    targets = network.predict(images).argmin(axis=1).astype(np.int32) if targeted else None
    classes = labels if targets is None else targets
    goal, batch = asked(sa.TopK(network, k), images, labels, targets)
    margins, gradient = goal.margin_and_gradient(batch, tf.zeros_like(batch.images))
    value = lambda x: margins_of(network.logits(tf.constant(x)).numpy(), classes, targeted, k)  # noqa: E731
    np.testing.assert_allclose(margins, value(images), atol=1e-5)
    close = np.isclose(gradient, numeric_gradient(value, images, 1e-3), atol=2e-2).mean()
    assert close > 0.95  # all but where a kink is near
    if k == 1:
        plain = sa.Misclassify(network, targeted)
        np.testing.assert_allclose(
            goal.cross_entropy_gradient(batch, tf.zeros_like(batch.images)),
            plain.cross_entropy_gradient(batch, tf.zeros_like(batch.images)),
            atol=1e-5,
        )
    attack = QUICK if k == 2 else sa.StrAttack(epsilon=None)  # the last of four classes takes restarts
    result = attack(sa.TopK(network, k), images, labels, targets)
    first = network.predict(result.adversarial).argsort(axis=1)[:, ::-1][:, :k]
    within = (first == classes[:, None]).any(axis=1)
    np.testing.assert_array_equal(within[result.success], targeted)
    assert result.success.mean() > 0.7
    assert result.clean_correct.all()


def sides_of(logits, on, off):
    """The margin of each row: of the label that is farthest from its side."""
    return np.array(
        [max([-row[j] for j in a] + [row[j] for j in b]) for row, a, b in zip(logits, on, off, strict=True)]
    )


def test_labels_on_and_off_for_all_images_and_for_each(tags, images):
    labels = tags.predict(images).argmax(axis=1)
    on, off = [(j % 4,) for j in range(8)], [((j + 1) % 4, (j + 2) % 4) for j in range(8)]
    rows = [np.array([[j in chosen for j in range(4)] for chosen in part]) for part in (on, off)]
    for goal, a, b in (
        (sa.MultiLabel(tags, on={0}, off=[1, 2]), [(0,)] * 8, [(1, 2)] * 8),
        (sa.MultiLabel(tags, on=rows[0], off=rows[1]), on, off),
        (sa.MultiLabel(tags, off=rows[1]), [()] * 8, off),
    ):
        aimed, batch = asked(goal, images, labels, None)
        margins, _ = aimed.margin_and_gradient(batch, tf.zeros_like(batch.images))
        np.testing.assert_allclose(margins, sides_of(tags.predict(images), a, b), atol=1e-4)
        result = QUICK(goal, images, labels)
        np.testing.assert_array_equal(result.success, sides_of(tags.predict(result.adversarial), a, b) < 0)
        assert result.success.mean() > 0.5
        # An example alone has a row of its own in the arrays.
        if isinstance(goal.on, tuple) and goal.on:
            alone = QUICK(goal, images[3:4], labels[3:4])
            np.testing.assert_array_equal(alone.adversarial[0], result.adversarial[3])
        streamed = QUICK(goal, images, labels, batch_size=3)
        np.testing.assert_array_equal(streamed.adversarial, result.adversarial)


def test_without_names_a_target_is_turned_on_or_a_label_off(tags, images):
    labels = tags.predict(images).argmax(axis=1)
    targets = tags.predict(images).argmin(axis=1)
    goal = sa.MultiLabel(tags)
    rows = np.arange(8)
    for classes, side in ((targets, 1), (None, -1)):
        result = QUICK(goal, images, labels, classes)
        logits = tags.predict(result.adversarial)[rows, labels if classes is None else classes]
        np.testing.assert_array_equal(result.success, side * logits > 0)
        assert result.success.mean() > 0.5
    np.testing.assert_array_equal(result.clean_correct, tags.predict(images)[rows, labels] > 0)


def test_members_of_different_kinds_are_asked_for_what_each_needs(networks, tags, images):
    labels = networks[0].classify(images)
    goal = sa.AllOf([networks[0], sa.MultiLabel(tags, on={1}, off={2}), sa.TopK(networks[1], 2)])
    result = QUICK(goal, images, labels)
    fooled = networks[0].classify(result.adversarial) != labels
    sides = sides_of(tags.predict(result.adversarial), [(1,)] * 8, [(2,)] * 8) < 0
    first = networks[1].predict(result.adversarial).argsort(axis=1)[:, -2:]
    np.testing.assert_array_equal(result.success, fooled & sides & ~(first == labels[:, None]).any(axis=1))
    assert result.success.any()
    assert QUICK(goal, images, labels, batch_size="auto").success.sum() == result.success.sum()
