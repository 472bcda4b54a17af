"""One step against numbers worked out here, and overlapping groups against all P Q copies of Proposition 2."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

import tf_strattack as sa
from tests.builders import originals_of, problem_of
from tests.slow import first_quick
from tf_strattack.solvers.splitting import Iterate, candidate_of


def test_one_step_by_hand():
    z = np.array([[0.3, 0.4], [0.0, 0.0]]).reshape(1, 2, 2, 1)
    u, s, v = np.full_like(z, 0.1), np.full_like(z, -0.1), np.zeros_like(z)
    gradient = np.array([[1.0, -2.0], [0.0, 3.0]]).reshape(z.shape)
    groups = sa.SlidingMask(2).of(2, 2)
    problem = problem_of(np.full_like(z, 0.7), lambda _: (np.array([0.5]), gradient), groups=groups, tau=0.25)
    solver = sa.solvers.Paper(rho=2.0, alpha=3.0)
    c, kappa = tf.constant([0.4], tf.float64), tf.constant([0.0], tf.float64)
    iterate = Iterate(*(tf.constant(part) for part in (z, u, s, v)), kappa, c)
    following, candidate = solver.step(tf.constant(3), iterate, problem, solver.parameters(problem, originals_of(1)))

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
    sparse = np.array([[0.225, 0.3], [0.0, 0.0]])
    np.testing.assert_allclose(candidate.delta[0, :, :, 0], sparse, atol=1e-7)
    np.testing.assert_allclose(candidate.objective, [np.sum(sparse**2) + 0.25 * np.sqrt(np.sum(sparse**2))], rtol=1e-9)
    assert not candidate.succeeded.numpy().any()
    assert [int(number) for number in problem.spent[:2]] == [1, 1]


def test_one_step_of_proposition_3_by_hand():
    z, u = (np.array(values).reshape(1, 2, 2, 1) for values in ([0.3, -0.4, 0.5, 0.0], [0.1, 0.1, -0.5, 0.0]))
    kept = np.array([1.0, 1.0, 1.0, 0.0]).reshape(z.shape)
    gradient = np.array([1.0, -2.0, 0.5, 0.0]).reshape(z.shape)  # of the network: 0 where the box is a point
    problem = problem_of(np.full_like(z, 0.7), lambda _: (np.array([0.5]), gradient), kept=kept)
    solver = sa.solvers.Paper.refining(rho=2.0, alpha=3.0)
    iterate = solver.init(problem, tf.constant(z), tf.constant([0.4], tf.float64))._replace(u=tf.constant(u))
    following, candidate = solver.step(tf.constant(3), iterate, problem, solver.parameters(problem, originals_of(1)))
    delta = np.array([0.1, -0.25, 0.3, 0.0])  # (21): (z - u)/2, of which 0.5 is above 1 - 0.7
    eta = 3.0 * np.sqrt(4.0)
    expected = (eta * z.ravel() + 2.0 * (delta + u.ravel()) - 0.4 * gradient.ravel()) / (eta + 2.0)  # (22)
    np.testing.assert_allclose(candidate.delta.numpy().ravel(), delta, rtol=1e-12)
    np.testing.assert_allclose(following.z.numpy().ravel(), expected, rtol=1e-12)
    np.testing.assert_allclose(following.u.numpy().ravel(), u.ravel() + delta - expected, atol=1e-12)
    assert expected[3] == 0.0


def test_the_tangent_in_the_hinge_is_minimised():
    """z minimises c [m + g (z' - z) + kappa]_+ + sum L/2 (z' - z_bar)^2, whose minimum no other point beats."""
    rng = np.random.default_rng(0)
    z, g = (rng.normal(size=(6, 2, 2, 1)) for _ in range(2))
    margins, kappa = rng.normal(size=6) * 3, rng.uniform(size=6)
    # At the first step from z with no duals: delta and w pull to a multiple of z and to z within the box.
    problem = problem_of(np.full((6, 2, 2, 1), 0.5), lambda _: (margins, g))
    solver = sa.solvers.Admm(rho=1.0, alpha=2.0)
    parameters = solver.parameters(problem, originals_of(6, required=0.1))
    iterate = solver.init(problem, tf.constant(z), tf.zeros(6, tf.float64))._replace(kappa=tf.constant(kappa))
    curvature = 2.0 + 2.0
    z_bar = (2.0 * z + z / 3.0 + np.clip(z, -0.5, 0.5)) / curvature
    following, _ = solver.step(tf.constant(0), iterate, problem, parameters)
    new, weight = following.z.numpy(), following.c.numpy()

    def hinge(points):
        return margins + (g * (points - z)).sum((1, 2, 3)) + 0.1 + kappa

    def cost(points):  # a weight of the hinge above every multiplier: the constraint itself
        return 1e6 * np.maximum(hinge(points), 0) + (curvature / 2 * (points - z_bar) ** 2).sum((1, 2, 3))

    assert (hinge(new) <= 1e-9).all()
    for multiplier in np.linspace(0, 3, 101):
        along = z_bar - multiplier * g / curvature
        assert (cost(new) <= cost(along) + 1e-6).all()
    assert (weight >= 0).all()
    assert (weight == 0).any()
    assert (weight > 0).any()
    for _ in range(300):  # nor does any other direction help
        assert (cost(new) <= cost(new + rng.normal(scale=0.02, size=z.shape)) + 1e-6).all()


def test_the_paper_s_weight_is_c_until_the_margin_is_reached():
    c, margins, required = ([0.8, 2.0, 3.0], [-0.05, -0.2, 1.0], [0.1, 0.1, 0.1])
    given = (tf.constant(values, tf.float64) for values in (c, margins, required, [9.0, 9.0, 9.0]))
    np.testing.assert_array_equal(sa.solvers.Paper().weight(*given), [0.8, 0.0, 3.0])


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
@pytest.mark.parametrize(("side", "size", "stride"), first_quick([(9, 3, 2), (10, 3, 2), (8, 4, 1), (11, 5, 3)]))
def test_overlapping_groups_equal_proposition_2_with_all_copies(side, size, stride, solver):
    x0 = np.random.default_rng(3).uniform(size=(1, side, side, 1))
    numbers = {"gamma": 0.7, "tau": 0.02, "rho": 0.3, "alpha": 0.5, "c": 4.0}
    expected = naive_admm(x0, size, stride, solver, 50, kappa=0.2, epsilon=0.6, **numbers)
    problem = problem_of(
        x0,
        lambda z: smooth_margin(side)(z.numpy()),
        epsilon=0.6,
        groups=sa.SlidingMask(size, stride, "drop").of(side, side),
        gamma=0.7,
        tau=0.02,
    )
    kind = {"paper": sa.solvers.Paper, "admm": sa.solvers.Admm}[solver]
    method = kind(rho=0.3, alpha=0.5, copies="paper")
    parameters = method.parameters(problem, originals_of(1, required=0.2))
    iterate = method.init(problem, tf.zeros_like(problem.batch.images), tf.constant([4.0], tf.float64))
    iterate = iterate._replace(kappa=tf.constant([0.0], tf.float64))
    for k in range(50):
        iterate, _ = method.step(tf.constant(k), iterate, problem, parameters)
    assert np.abs(expected).max() > 1e-2, "the iterate must have moved for the comparison to mean something"
    np.testing.assert_allclose(iterate.z.numpy(), expected, rtol=0, atol=1e-9)


def test_a_pixel_is_the_mean_of_its_copies_and_0_where_one_of_its_groups_is_0():
    groups = sa.SlidingMask(3, 2).of(3, 5)  # two groups, columns 0-2 and 2-4
    y = np.zeros((1, 3, 6, 1), np.float32)
    y[:, :, :3], y[:, :, 3:] = 0.2, 0.4
    batch = problem_of(np.full((1, 3, 5, 1), 0.5, np.float32)).batch
    alive, dead = tf.constant([[[0.5, 0.5]]]), tf.constant([[[0.5, 0.0]]])
    rest = tf.zeros((1, 3, 5, 1)), batch.lower, batch.upper
    both = candidate_of(groups, tf.constant(y), alive, *rest).numpy()[0, 0, :, 0]
    np.testing.assert_allclose(both, [0.2, 0.2, 0.3, 0.4, 0.4], rtol=1e-6)
    y[:, :, 3:] = 0.0
    one = candidate_of(groups, tf.constant(y), dead, *rest).numpy()[0, 0, :, 0]
    np.testing.assert_allclose(one, [0.2, 0.2, 0.0, 0.0, 0.0], rtol=1e-6)


def test_copies_of_the_whole_image_are_for_groups_that_overlap():
    solver = sa.solvers.Admm(copies="paper")
    assert sa.StrAttack(solver=solver, group_size=3, stride=2).solver == solver
    for values in ({}, {"tau": 0.0}):
        with pytest.raises(sa.InputError, match=r"expected copies=paper with overlapping groups only \(stride below"):
            sa.StrAttack(solver=solver, **values)


@pytest.mark.parametrize("kind", [sa.solvers.ProxLinear, sa.solvers.Admm, sa.solvers.Paper])
@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"rho": "x"}, "expected rho to be a number above 0, or tangent or gamma, received 'x'"),
        ({"rho": 0}, "expected rho to be a number above 0, received 0"),
        (
            {"alpha": 0.0},
            "expected alpha to be a number above 0, or a multiple of rho such as '10 rho', received 0.0",
        ),
        (
            {"alpha": "ten rho"},
            "expected alpha to be a number above 0, or a multiple of rho such as '10 rho', received 'ten rho'",
        ),
        ({"max_iterations": 0}, "expected max_iterations to be a whole number of at least 1, received 0"),
        ({"patience": 1.5}, "expected patience to be a whole number of at least 1, received 1.5"),
    ],
)
def test_wrong_numbers_of_a_solver_are_refused(kind, values, message):
    for make in (kind, kind.refining):
        with pytest.raises(sa.InputError) as error:
            make(**values)
        assert str(error.value) == message


def test_alpha_is_a_number_or_a_multiple_of_rho():
    problem = problem_of(np.full((2, 2, 2, 1), 0.5))
    for alpha, expected in (("3 rho", 6.0), ("3rho", 6.0), (5.0, 5.0)):
        solver = sa.solvers.Admm(rho=2.0, alpha=alpha)
        np.testing.assert_allclose(solver.parameters(problem, originals_of(2)).alpha, np.full((2, 1, 1, 1), expected))
    gamma = dataclasses.replace(solver, rho="gamma").parameters(problem, originals_of(2))
    np.testing.assert_allclose(gamma.rho, np.ones((2, 1, 1, 1)))
