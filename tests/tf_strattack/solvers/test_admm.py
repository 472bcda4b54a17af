"""One step against numbers worked out here, and overlapping groups against all P Q copies of Proposition 2."""

import numpy as np
import pytest
import tensorflow as tf

import tf_strattack as sa
from tf_strattack.problem.goal import Problem
from tf_strattack.problem.groups import Groups
from tf_strattack.solvers.admm import State, Structure, candidate, initial_state, step
from tf_strattack.solvers.zstep import Weights, z_step


def weights_of(rows=1, *, gamma=1.0, tau=1.0, beta=1.0, rho=1.0, alpha=5.0, c=1.0, required=0.0, dtype=tf.float64):
    def column(value):
        return tf.fill([rows], tf.constant(value, dtype))

    block = [rows, 1, 1, 1]
    return Weights(
        gamma=tf.constant(gamma, dtype),
        tau=tf.constant(tau, dtype),
        beta=tf.constant(beta, dtype),
        rho=tf.reshape(column(rho), block),
        alpha=tf.reshape(column(alpha), block),
        c=column(c),
        required=column(required),
        unit=column(1.0),
        patience=tf.constant(2**30),
        max_groups=tf.constant(2**30),
    )


def problem_of(images, epsilon=1.0):
    images = tf.constant(images)
    lower, upper = tf.maximum(-images, -epsilon), tf.minimum(1 - images, epsilon)
    return Problem(images, tf.zeros(len(images), tf.int32), lower, upper, tf.range(len(images)))


def test_the_box_is_what_bounds_epsilon_and_mask_leave():
    classifier = sa.Classifier.from_callable(lambda images: images, bounds=(-1, 3))
    images = np.array([-1.0, 0.0, 2.6, 3.0], np.float32).reshape(1, 2, 2, 1)  # 0, 0.25, 0.9 and 1 of the range
    mask = np.ones_like(images)
    for epsilon, lower, upper in (
        (0.3, [0, -0.25, -0.3, -0.3], [0.3, 0.3, 0.1, 0]),
        (None, [0, -0.25, -0.9, -1], [1, 0.75, 0.1, 0]),
    ):
        problem = Problem.build(classifier, images, np.zeros(1, np.int32), mask, epsilon=epsilon)
        np.testing.assert_allclose(problem.lower.numpy().ravel(), lower, atol=1e-6)
        np.testing.assert_allclose(problem.upper.numpy().ravel(), upper, atol=1e-6)
    nothing = Problem.build(classifier, images, np.zeros(1, np.int32), 0 * mask, epsilon=0.3)
    assert not nothing.lower.numpy().any()
    assert not nothing.upper.numpy().any()


def test_one_step_by_hand():
    z = np.array([[0.3, 0.4], [0.0, 0.0]]).reshape(1, 2, 2, 1)
    u, s, v = np.full_like(z, 0.1), np.full_like(z, -0.1), np.zeros_like(z)
    problem = problem_of(np.full_like(z, 0.7))
    structure = Structure(Groups(2, 2, 2, 2), "l2", "paper", "support")
    state = State(
        k=tf.constant(3),
        z=tf.constant(z),
        u=tf.constant(u),
        s=tf.constant(s),
        v=tf.constant(v),
        kappa=tf.constant([0.0], tf.float64),
        c=tf.constant([0.0], tf.float64),
        best=tf.constant(z),
        stalled=tf.constant([0]),
        objective=tf.constant([0.0], tf.float64),
    )
    gradient = np.array([[1.0, -2.0], [0.0, 3.0]]).reshape(z.shape)

    def evaluate(_):
        return tf.constant([0.5], tf.float64), tf.constant(gradient)

    weights = weights_of(tau=0.25, rho=2.0, alpha=3.0, c=0.4)
    following, candidate = step(state, problem, weights, structure, evaluate)

    delta = 2.0 / (2.0 + 2.0) * np.array([[0.2, 0.3], [-0.1, -0.1]])  # (10)
    w = np.array([[0.3, 0.3], [0.1, 0.1]])  # (11): z - s = 0.4, 0.5, 0.1, 0.1, the upper bound is 0.3
    y = (1 - 0.125 / 0.5) * z[0, :, :, 0]  # (12): the group's norm is 0.5, tau/rho is 0.125
    eta = 3.0 * np.sqrt(4.0)
    total = eta * z[0, :, :, 0] + 2.0 * (delta + 0.1 + w - 0.1 + y) - 0.4 * gradient[0, :, :, 0]
    expected = total / (eta + 6.0)  # (15)
    np.testing.assert_allclose(following.z[0, :, :, 0], expected, rtol=1e-12)
    np.testing.assert_allclose(following.u[0, :, :, 0], 0.1 + delta - expected, atol=1e-12)  # (9)
    np.testing.assert_allclose(following.s[0, :, :, 0], -0.1 + w - expected, atol=1e-12)
    np.testing.assert_allclose(following.v[0, :, :, 0], y - expected, atol=1e-12)
    np.testing.assert_allclose(candidate[0, :, :, 0], [[0.225, 0.3], [0.0, 0.0]], atol=1e-7)
    assert following.k.numpy() == 4


def test_the_prox_linear_step_minimises_its_model():
    """z minimises c [m + g (z' - z) + kappa]_+ + sum L/2 (z' - z_bar)^2, whose minimum no other point beats."""
    rng = np.random.default_rng(0)
    z, z_bar, g = (rng.normal(size=(6, 2, 2, 1)) for _ in range(3))
    curvature = rng.uniform(1, 3, size=(1, 2, 2, 1))
    margins, kappa = rng.normal(size=6) * 3, rng.uniform(size=6)
    weights = weights_of(6, c=0.8, required=0.1)
    new, weight = z_step(
        "admm", z, tf.constant(z_bar), curvature, tf.constant(margins), tf.constant(g), tf.constant(kappa), weights
    )

    def cost(points):
        hinge = margins + (g * (points - z)).sum((1, 2, 3)) + 0.1 + kappa
        return 0.8 * np.maximum(hinge, 0) + (curvature / 2 * (points - z_bar) ** 2).sum((1, 2, 3))

    for multiplier in np.linspace(0, 0.8, 101):
        along = z_bar - multiplier * g / curvature
        assert (cost(new.numpy()) <= cost(along) + 1e-9).all()
    assert ((weight.numpy() >= 0) & (weight.numpy() <= 0.8)).all()
    for _ in range(300):  # nor does any other direction help
        assert (cost(new.numpy()) <= cost(new.numpy() + rng.normal(scale=0.02, size=z.shape)) + 1e-12).all()


def smooth_margin(side):
    """A margin with curvature, and its gradient, in numpy: tanh units in a quadratic form."""
    rng = np.random.default_rng(5)
    a, b = rng.normal(size=(8, side * side)) / side, rng.normal(size=8)

    def evaluate(points):
        hidden = np.tanh(points.reshape(len(points), -1) @ a.T)
        gradient = ((1 - hidden**2) * b) @ a
        return hidden @ b + 0.8, gradient.reshape(points.shape)

    return evaluate


def naive_admm(x0, size, stride, solver, iterations, *, gamma, tau, rho, alpha, c, kappa, epsilon):
    """(16)-(18) literally: a copy of the whole image, with its dual, for each of the P Q groups."""
    side = x0.shape[1]
    starts = range(0, side - size + 1, stride)
    groups = [(slice(i, i + size), slice(j, j + size)) for i in starts for j in starts]
    evaluate = smooth_margin(side)
    z = np.zeros_like(x0)
    u, s, v = z.copy(), z.copy(), [z.copy() for _ in groups]
    for k in range(1, iterations + 1):
        delta = rho / (rho + 2 * gamma) * (z - u)
        w = np.clip(z - s, np.maximum(-x0, -epsilon), np.minimum(1 - x0, epsilon))
        y = []
        for (rows, columns), dual in zip(groups, v, strict=True):
            copy = z - dual
            norm = np.linalg.norm(copy[:, rows, columns])
            copy[:, rows, columns] *= max(0.0, 1 - tau / (rho * norm)) if norm > 0 else 0.0
            y.append(copy)
        eta = alpha * np.sqrt(k)
        pulls = eta * z + rho * (delta + u) + rho * (w + s) + rho * sum(a + b for a, b in zip(y, v, strict=True))
        curvature = eta + (2 + len(groups)) * rho
        margins, gradient = evaluate(z)
        if solver == "paper":
            weight = c * (margins[0] > -kappa)
        else:
            tangent = margins[0] + (gradient * (pulls / curvature - z)).sum() + kappa
            weight = np.clip(tangent * curvature / (gradient**2).sum(), 0, c)
        new = (pulls - weight * gradient) / curvature
        u, s = u + delta - new, s + w - new
        v = [dual + copy - new for dual, copy in zip(v, y, strict=True)]
        z = new
    return z


@pytest.mark.parametrize("solver", ["paper", "admm"])
@pytest.mark.parametrize(("side", "size", "stride"), [(9, 3, 2), (10, 3, 2), (8, 4, 1), (11, 5, 3)])
def test_overlapping_groups_equal_proposition_2_with_all_copies(side, size, stride, solver):
    x0 = np.random.default_rng(3).uniform(size=(1, side, side, 1))
    numbers = {"gamma": 0.7, "tau": 0.02, "rho": 0.3, "alpha": 0.5, "c": 4.0}
    expected = naive_admm(x0, size, stride, solver, 50, kappa=0.2, epsilon=0.6, **numbers)
    groups = Groups(side, side, size, stride, "drop")
    structure = Structure(groups, "l2", solver, "paper")
    problem, weights = problem_of(x0, 0.6), weights_of(**numbers, required=0.2)
    state = initial_state(problem, structure)._replace(kappa=tf.constant([0.0], tf.float64))
    evaluate = smooth_margin(side)

    def network(z):
        return tuple(tf.constant(part) for part in evaluate(z.numpy()))

    for _ in range(50):
        state, _ = step(state, problem, weights, structure, network)
    assert np.abs(expected).max() > 1e-2, "the iterate must have moved for the comparison to mean something"
    np.testing.assert_allclose(state.z.numpy(), expected, rtol=0, atol=1e-9)


def test_a_pixel_is_the_mean_of_its_copies_and_0_where_one_of_its_groups_is_0():
    groups = Groups(3, 5, 3, 2)  # two groups, columns 0-2 and 2-4
    y = np.zeros((1, 3, 6, 1), np.float32)
    y[:, :, :3], y[:, :, 3:] = 0.2, 0.4
    problem = problem_of(np.full((1, 3, 5, 1), 0.5, np.float32))
    alive, dead = tf.constant([[[0.5, 0.5]]]), tf.constant([[[0.5, 0.0]]])
    zero = tf.zeros((1, 3, 5, 1))
    both = candidate(groups, tf.constant(y), alive, zero, problem).numpy()[0, 0, :, 0]
    np.testing.assert_allclose(both, [0.2, 0.2, 0.3, 0.4, 0.4], rtol=1e-6)
    y[:, :, 3:] = 0.0
    one = candidate(groups, tf.constant(y), dead, zero, problem).numpy()[0, 0, :, 0]
    np.testing.assert_allclose(one, [0.2, 0.2, 0.0, 0.0, 0.0], rtol=1e-6)
