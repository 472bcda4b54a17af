"""Fewer clusters of changes: the weights of groups, and what they do to an attack."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

import tf_strattack as sa
from tests.builders import brief
from tests.slow import first_quick
from tf_strattack.attacks.connection import connecting_weights

ATTACK = brief(40, refine=False, epsilon=None, group_size=1, tau=0.2)


def test_groups_among_changes_are_cheap_and_those_far_from_any_are_not():
    delta = np.zeros((2, 12, 12, 1), np.float32)
    delta[0, :8, :8] = 0.3
    weights = connecting_weights(sa.SlidingMask(2).of(12, 12), tf.constant(delta)).numpy()
    assert weights.shape == (2, 6, 6)
    np.testing.assert_allclose(weights[0, 1:3, 1:3], 0.5, atol=0.02)
    np.testing.assert_allclose(weights[1], 4.0)
    assert weights[0, 5, 5] > 3.9
    row = weights[0, 1]
    assert (np.diff(row[2:]) > 0).all(), "the farther from changes the more expensive"


@pytest.mark.parametrize("mask", [sa.SlidingMask(3, 2), sa.SlidingMask(3, border="drop"), sa.SlidingMask(1)])
def test_weights_are_what_a_loop_over_groups_makes_of_the_blurred_pixels(mask):
    rng = np.random.default_rng(0)
    delta = (rng.random((1, 11, 11, 3)) > 0.8).astype(np.float32)
    groups = mask.of(11, 11)
    weights = connecting_weights(groups, tf.constant(delta)).numpy()[0]
    changed = delta[0].any(axis=2).astype(float)
    sizes = groups.total(tf.ones([1, 11, 11, 1])).numpy()[0]
    deviation = 0.5 * np.sqrt(sizes.mean())
    near = np.zeros_like(changed)
    reach = int(np.ceil(3 * deviation))
    offsets = np.arange(-reach, reach + 1)
    kernel = np.exp(-0.5 * (offsets / deviation) ** 2)
    kernel /= kernel.sum()
    for i in range(11):
        for j in range(11):
            for a, u in zip(offsets, kernel, strict=True):
                for b, v in zip(offsets, kernel, strict=True):
                    if 0 <= i + a < 11 and 0 <= j + b < 11:
                        near[i, j] += u * v * changed[i + a, j + b]
    for p in range(weights.shape[0]):
        for q in range(weights.shape[1]):
            rows, columns = (slice(k * mask.stride, k * mask.stride + mask.size) for k in (p, q))
            expected = 0.5 + 3.5 * (1 - near[rows, columns].mean()) ** 2
            assert weights[p, q] == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize("change", first_quick([{}, {"penalty": "l2_half"}, {"max_groups": 12}]))
def test_a_connected_attack_has_fewer_clusters_and_succeeds_as_often(mnist, digits, change):
    plain = dataclasses.replace(sa.StrAttack(epsilon=None, refine=False), **change)
    images, labels, _ = (part[:8] for part in digits)
    scattered, connected = (
        attack(mnist, images, labels, (labels + 1) % 10)
        for attack in (plain, dataclasses.replace(plain, connected=True))
    )
    np.testing.assert_array_equal(scattered.success, connected.success)
    found = scattered.success
    clusters = [sa.metrics.anc(result.delta[found]).mean() for result in (scattered, connected)]
    assert clusters[1] < 0.95 * clusters[0]
    if "max_groups" in change:
        assert sa.metrics.nonzero_groups(connected.delta, 2).max() <= 12
    np.testing.assert_array_equal(scattered.origin, connected.origin)


def test_its_rounds_are_counted_and_an_example_s_result_does_not_depend_on_the_batch(exact):
    classifier, *examples = exact
    attack = dataclasses.replace(ATTACK, connected=True)
    plain, connected = ATTACK(*exact), attack(*exact)
    first = plain.success & (plain.origin == "first run")
    more = (connected.gradient_evaluations - plain.gradient_evaluations)[first]
    assert more.max() == 2 * 15  # 36 % of 40, twice
    assert attack.iterations() == 40 + 2 * 15
    for row in (0, 5):
        alone = attack(classifier, *(part[row : row + 1] for part in examples))
        np.testing.assert_array_equal(alone.adversarial[0], connected.adversarial[row])


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"connected": 1}, "expected connected to be True or False, received 1"),
        (
            {"connected": True, "solver": "admm"},
            "expected connected with solver=prox_linear, received Admm",
        ),
        (
            {"connected": True, "tau": 0.0},
            "expected connected with tau above 0, whose weight it changes, received tau=0",
        ),
    ],
)
def test_what_means_nothing_is_refused(given, message):
    with pytest.raises(sa.InputError) as error:
        sa.StrAttack(**given)
    assert str(error.value) == message
