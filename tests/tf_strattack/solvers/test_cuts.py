"""The multiplier of a half-space: against bisection, and where there is nothing to do."""

import numpy as np
import pytest
import tensorflow as tf

import tf_strattack as sa
from tests.builders import problem_of
from tf_strattack.solvers.cuts import Cut, Multiplier, meet


def random_cut(rows=40, seed=0):
    rng = np.random.default_rng(seed)
    images = rng.uniform(0.2, 0.8, size=(rows, 6, 6, 1)).astype(np.float32)
    problem = problem_of(images, groups=sa.SlidingMask(2).of(6, 6), tau=0.6, epsilon=np.float32(0.9))
    curvature = tf.fill([rows, 1, 1, 1], 5.0)
    normal = tf.constant(rng.normal(size=images.shape), tf.float32)
    centre = tf.constant(0.1 * rng.normal(size=images.shape), tf.float32)
    offset = tf.constant(rng.uniform(-1.0, 3.0, size=rows), tf.float32)
    return lambda x: problem.prox(x, curvature), centre, Cut.below(normal, offset, curvature)


def value(prox, centre, cut, weight):
    point = prox(centre - cut.moved(weight))
    return tf.reduce_sum(cut.normal * point, axis=[1, 2, 3]) + cut.offset


@pytest.mark.parametrize("calls", [1, 3])
def test_the_least_multiplier_is_found(calls):
    prox, centre, cut = random_cut()
    none = Multiplier(tf.zeros(40), tf.zeros(40))
    found = none
    for _ in range(calls):  # each begins where the last one stopped, as iterations do
        point, found = meet(prox, centre, cut, found, tf.fill([40], 1e-5))
    low, high = tf.zeros(40), tf.fill([40], 1e3)
    for _ in range(60):
        middle = 0.5 * (low + high)
        outside = value(prox, centre, cut, middle) > 0.0
        low, high = tf.where(outside, middle, low), tf.where(outside, high, middle)
    inside = value(prox, centre, cut, tf.zeros(40)) <= 0.0
    assert 5 < int(tf.reduce_sum(tf.cast(inside, tf.int32))) < 35
    exact = tf.where(inside, 0.0, high)
    np.testing.assert_allclose(found.weight, exact, rtol=0.1 if calls == 1 else 1e-3, atol=0.02 if calls == 1 else 1e-3)
    np.testing.assert_allclose(point, prox(centre - cut.moved(found.weight)), atol=1e-6)


def test_no_row_depends_on_the_others():
    prox, centre, cut = random_cut()
    none = Multiplier(tf.zeros(40), tf.zeros(40))
    _, together = meet(prox, centre, cut, none, tf.fill([40], 1e-5))
    _, again = meet(
        prox, centre, cut._replace(offset=tf.concat([cut.offset[:20], cut.offset[:20]], 0)), none, tf.fill([40], 1e-5)
    )
    np.testing.assert_array_equal(together.weight[:20], again.weight[:20])


def test_a_cut_without_slope_leaves_the_point_where_it_is():
    prox, centre, cut = random_cut()
    flat = cut._replace(normal=tf.zeros_like(cut.normal), direction=tf.zeros_like(cut.normal))
    point, multiplier = meet(prox, centre, flat, Multiplier(tf.zeros(40), tf.zeros(40)), tf.fill([40], 1e-5))
    np.testing.assert_array_equal(point, prox(centre))
    assert np.isfinite(multiplier.slope).all()
