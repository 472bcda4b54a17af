"""Each proximal operator against a numerical minimisation of the problem that its docstring states."""

import numpy as np
import pytest
import scipy.optimize
import tensorflow as tf

from tf_strattack.problem import proximal

RNG = np.random.default_rng(0)


def test_box_minimises_its_problem():
    b, lower, upper = RNG.normal(size=9), -RNG.uniform(size=9), RNG.uniform(size=9)
    result = proximal.box(tf.constant(b), lower, upper).numpy()
    found = scipy.optimize.minimize(
        lambda w: (w - b) @ (w - b), np.zeros(9), jac=lambda w: 2 * (w - b), bounds=list(zip(lower, upper, strict=True))
    )
    np.testing.assert_allclose(result, found.x, atol=1e-7)


POWER = {"l2": 1.0, "l2_half": 0.5}


def brute_force_norm(norm, threshold, power):
    """The norm that minimises threshold x^power + (x - norm)^2/2, on a fine grid."""
    grid = np.linspace(0, norm * 1.01, 200_001)
    cost = threshold * grid**power + (grid - norm) ** 2 / 2
    return grid[cost.argmin()]


@pytest.mark.parametrize("penalty", ["l2", "l2_half"])
@pytest.mark.parametrize("threshold", [0.05, 0.5, 2.0])
def test_group_shrinkage_minimises_its_problem(penalty, threshold):
    (scale, _), power = proximal.GROUP_PENALTIES[penalty], POWER[penalty]
    norms = RNG.uniform(0.01, 5, size=40)
    shrunk = norms * scale(tf.constant(norms), tf.constant(threshold, tf.float64)).numpy()
    expected = [brute_force_norm(norm, threshold, power) for norm in norms]
    np.testing.assert_allclose(shrunk, expected, atol=1e-4)


@pytest.mark.parametrize("penalty", ["l2", "l2_half"])
def test_the_minimiser_of_a_group_points_where_the_group_points(penalty):
    (scale, _), power = proximal.GROUP_PENALTIES[penalty], POWER[penalty]
    c = RNG.normal(size=4)
    y = c * scale(tf.constant([np.linalg.norm(c)]), tf.constant(0.3, tf.float64)).numpy()

    def cost(y):
        return 0.3 * np.linalg.norm(y) ** power + (y - c) @ (y - c) / 2

    for _ in range(200):
        assert cost(y) <= cost(y + RNG.normal(scale=0.05, size=4)) + 1e-12


@pytest.mark.parametrize("penalty", ["l2", "l2_half"])
@pytest.mark.parametrize("threshold", [0.0, 0.7])
def test_a_group_of_norm_0_stays_exactly_0(penalty, threshold):
    scale, _ = proximal.GROUP_PENALTIES[penalty]
    result = scale(tf.constant([0.0, 1e-30]), tf.constant(threshold)).numpy()
    assert np.isfinite(result).all()
    assert result[0] == 0.0


def test_box_keeps_0():
    assert not proximal.box(tf.zeros(3), -0.5, 0.5).numpy().any()


@pytest.mark.parametrize("penalty", ["l2", "l2_half"])
def test_without_penalty_nothing_shrinks(penalty):
    scale, _ = proximal.GROUP_PENALTIES[penalty]
    np.testing.assert_allclose(scale(tf.constant([0.2, 3.0]), tf.constant(0.0)).numpy(), 1.0, atol=1e-6)


def test_half_thresholding_equals_the_published_cosine():
    norms, threshold = np.linspace(1.3, 9.0, 50), 0.7  # Xu et al. (2012), with lambda = 2 threshold
    phi = np.arccos(2 * threshold / 8 * (norms / 3) ** -1.5)
    published = 2 / 3 * norms * (1 + np.cos(2 * np.pi / 3 - 2 / 3 * phi))
    ours = norms * proximal.group_l2_half_scale(tf.constant(norms), tf.constant(threshold, tf.float64)).numpy()
    np.testing.assert_allclose(ours, published, rtol=1e-12)
