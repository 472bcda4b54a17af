"""Projections onto ball and box against what defines them, steepest steps, and random points."""

import numpy as np
import pytest
import tensorflow as tf

from tf_strattack.problem import balls

NORM = {"linf": np.inf, "l2": 2, "l1": 1}


def norms(delta, norm):
    return np.linalg.norm(delta.reshape(len(delta), -1).astype(np.float64), NORM[norm], axis=1)


@pytest.fixture(scope="module")
def points():
    """Points far from the box, and the box, which holds 0 and has sides of any width, also 0."""
    rng = np.random.default_rng(0)
    shape = (12, 4, 5, 2)
    a = rng.normal(size=shape).astype(np.float32) * np.float32(10.0) ** rng.integers(-3, 2, (12, 1, 1, 1))
    lower, upper = -(rng.uniform(size=shape) ** 2), rng.uniform(size=shape) ** 2
    lower[:, 0], upper[:, 1], lower[:, 2], upper[:, 2] = 0, 0, 0, 0
    return a.astype(np.float32), lower.astype(np.float32), upper.astype(np.float32)


def projected(norm, a, radius, lower, upper):
    return balls.BALLS[norm].project(*(tf.constant(part, tf.float32) for part in (a, radius, lower, upper))).numpy()


@pytest.mark.parametrize("radius", [1e-3, 0.3, 2.0, 1e3])
@pytest.mark.parametrize("norm", balls.BALLS)
def test_no_point_of_ball_and_box_is_nearer(points, norm, radius):
    a, lower, upper = points
    nearest = projected(norm, a, radius, lower, upper)
    assert (nearest >= lower).all()
    assert (nearest <= upper).all()
    assert (norms(nearest, norm) <= radius * (1 + 1e-6)).all()
    # The nearest point of a convex set is the one from which all others lie behind the plane across the way to it.
    rng = np.random.default_rng(1)
    away = (a - nearest).astype(np.float64)
    for draw in range(300):
        other = rng.uniform(lower, upper) * (rng.uniform(size=a.shape) < rng.uniform())
        other = np.where(draw % 2, nearest + 1e-2 * (other - nearest), other)
        size = norms(other, norm)
        other *= np.minimum(1.0, radius / np.maximum(size, 1e-30))[:, None, None, None]
        behind = (away * (other - nearest)).sum(axis=(1, 2, 3))
        # Up to the rounding of what is far from the ball.
        rounding = 1e-5 * np.abs(nearest).max(axis=(1, 2, 3)) + 4e-7 * np.abs(a).max(axis=(1, 2, 3))
        assert (behind <= np.abs(away).sum(axis=(1, 2, 3)) * rounding).all()


@pytest.mark.parametrize("norm", balls.BALLS)
def test_a_point_of_both_stays_to_the_last_bit(points, norm):
    _, lower, upper = points
    inside = 0.5 * upper
    np.testing.assert_array_equal(projected(norm, inside, norms(inside, norm).max() * 1.001, lower, upper), inside)
    np.testing.assert_array_equal(projected(norm, 0 * inside, 0.1, lower, upper), 0 * inside)


def test_without_a_box_they_are_the_balls_own(points):
    a, *_ = points
    wide = np.full_like(a, 1e6)
    l2 = projected("l2", a, 0.5, -wide, wide)
    expected = a * np.minimum(1, 0.5 / norms(a, "l2"))[:, None, None, None]
    np.testing.assert_allclose(l2, expected, rtol=1e-5)
    l1 = projected("l1", a, 0.5, -wide, wide)
    for row, found in zip(a.reshape(len(a), -1).astype(np.float64), l1.reshape(len(a), -1), strict=True):
        # By sorting (Duchi et al. 2008).
        order = np.sort(np.abs(row))[::-1]
        excess = (np.cumsum(order) - 0.5) / np.arange(1, len(row) + 1)
        threshold = max(0.0, excess[np.flatnonzero(order > excess)[-1]])
        expected = np.sign(row) * np.maximum(np.abs(row) - threshold, 0)
        np.testing.assert_allclose(found, expected, atol=1e-6 * np.abs(row).max())


@pytest.mark.parametrize("norm", balls.BALLS)
def test_a_projection_depends_on_its_row_alone(points, norm):
    whole = projected(norm, points[0], 0.3, *points[1:])
    for row in (0, 5, 11):
        alone = projected(norm, points[0][row : row + 1], 0.3, *(part[row : row + 1] for part in points[1:]))
        np.testing.assert_array_equal(alone[0], whole[row])


def test_a_sparse_step_takes_the_signs_of_the_largest_entries(points):
    gradient = points[0].copy()
    gradient[3] = 0
    for share, count in ((0.1, 4), (1e-6, 1), (1.0, 40)):
        step = balls.sparse_sign(tf.constant(gradient), tf.constant(share)).numpy().reshape(12, -1)
        for row, values in enumerate(gradient.reshape(12, -1)):
            largest = np.argsort(-np.abs(values))[:count]
            expected = np.zeros(40)
            expected[largest] = np.sign(values[largest]) / count
            np.testing.assert_allclose(step[row], expected, rtol=1e-6)
    flat = tf.constant([[[[1e-30], [0.0], [0.0]]]])
    np.testing.assert_array_equal(balls.sparse_sign(flat, tf.constant(1.0)).numpy().ravel(), [1, 0, 0])


@pytest.mark.parametrize("norm", balls.BALLS)
def test_random_points_fill_the_ball_uniformly(norm):
    rng = np.random.default_rng(0)
    drawn = np.stack([balls.BALLS[norm].draw(rng, (3, 1, 1)) for _ in range(4000)])
    size = norms(drawn, norm)
    assert (size <= 1 + 1e-9).all()
    for radius in (0.3, 0.6, 0.9):  # of a volume of so much
        assert abs((size <= radius).mean() - radius**3) < 0.025
    assert np.abs(drawn.mean(axis=0)).max() < 0.03


def test_the_default_steps_cross_the_ball():
    assert balls.default_step(0.3, 40) == pytest.approx(0.3 * 2.5 / 40)
