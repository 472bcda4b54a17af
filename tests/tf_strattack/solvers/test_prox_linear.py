"""The default solver's step: against brute force, and what the whole does for examples it finds nothing for."""

import numpy as np
import pytest
import tensorflow as tf

import tf_strattack as sa
from tests.builders import exact_rows, originals_of, problem_of
from tests.slow import first_quick
from tests.tf_strattack.oracles import group_sparse_optimum


def random_images(side=6, rows=5, black=False):
    """Images, half of whose pixels are black or white on request: there the box lets them move one way only."""
    images = np.random.default_rng(0).uniform(0.2, 0.8, size=(rows, side, side, 1))
    if black:
        images = np.where(images > 0.5, np.round(images), images)
    return images.astype(np.float32)


def random_problem(margin_and_gradient=None, black=False, **objective):
    return problem_of(random_images(black=black), margin_and_gradient, epsilon=np.float32(0.9), **objective)


def penalised(point, x, threshold, side, size):
    """threshold sum_i ||d_i|| + 1/2 ||d - x||^2 of one candidate, with a loop over the groups."""
    total = 0.5 * np.sum((point - x) ** 2)
    for i in range(0, side, size):
        for j in range(0, side, size):
            total += threshold * np.linalg.norm(point[i : i + size, j : j + size])
    return total


@pytest.mark.parametrize("black", [False, True])
def test_the_proximal_operator_is_not_beaten_by_its_neighbours(black):
    side, size, rows = 6, 2, 5
    problem = random_problem(black=black, groups=sa.SlidingMask(size).of(side, side), tau=0.6)
    rng = np.random.default_rng(1)
    # So short that the box is not met elsewhere than at 0, where the operator is exact.
    x = rng.normal(size=problem.batch.images.shape).astype(np.float32) * 0.1
    point = problem.prox(tf.constant(x), tf.fill([rows, 1, 1, 1], 5.0)).numpy()
    lower, upper = problem.batch.lower.numpy(), problem.batch.upper.numpy()
    assert ((point >= lower) & (point <= upper)).all()
    assert (point == 0).any()
    assert (point != 0).any()
    for row in range(rows):
        best = penalised(point[row], x[row], 0.12, side, size)
        for scale in (1e-4, 1e-3, 1e-2, 0.1):
            for _ in range(50):
                other = np.clip(point[row] + scale * rng.normal(size=point[row].shape), lower[row], upper[row])
                assert penalised(other, x[row], 0.12, side, size) >= best - 1e-6


def test_one_pixel_groups_that_overlap_themselves_only_equal_soft_thresholding():
    problem = random_problem(groups=sa.SlidingMask(1).of(6, 6), tau=0.2)
    x = tf.constant(np.random.default_rng(2).normal(size=problem.batch.images.shape) * 0.1, tf.float32)
    expected = np.sign(x) * np.maximum(np.abs(x) - 0.04, 0.0)
    found = problem.prox(x, tf.fill([5, 1, 1, 1], 5.0))
    np.testing.assert_allclose(found, np.clip(expected, problem.batch.lower, problem.batch.upper), atol=1e-6)


def test_overlapping_groups_shrink_a_uniform_image_as_their_sum_of_norms_asks():
    images = np.full((1, 7, 7, 1), 0.5, np.float32)
    groups = sa.SlidingMask(3, stride=2).of(7, 7)
    x = tf.fill(images.shape, 0.3)
    point = problem_of(images, groups=groups, tau=0.05).prox(x, tf.fill([1, 1, 1, 1], 1.0))
    with tf.GradientTape() as tape:
        tape.watch(point)
        value = 0.05 * tf.reduce_sum(tf.sqrt(groups.total(point**2))) + 0.5 * tf.reduce_sum((point - x) ** 2)
    # A stationary point: what is left of the gradient is small against that of the penalty alone.
    left = tf.norm(tape.gradient(value, point))
    assert left < 0.1 * tf.norm(x - point)


def first_iterate(solver, problem):
    zero = tf.zeros_like(problem.batch.images)
    return solver.init(problem, zero, tf.zeros(len(zero)))


def test_a_step_meets_the_tangent_and_keeps_to_the_box():
    rng = np.random.default_rng(3)
    gradient = rng.normal(size=(5, 6, 6, 1)).astype(np.float32)
    margins = np.linspace(0.2, 1.0, 5).astype(np.float32)
    problem = random_problem(lambda _: (margins, gradient))
    solver = sa.solvers.ProxLinear(rho=1.0, alpha=10.0)
    parameters = solver.parameters(problem, originals_of(5, required=0.01, dtype=tf.float32))
    following, candidate = solver.step(tf.constant(0), first_iterate(solver, problem), problem, parameters)
    predicted = margins + np.sum(gradient * following.y, axis=(1, 2, 3))
    np.testing.assert_allclose(predicted, -(0.01 + solver.initial_kappa), atol=1e-4)
    lower, upper = problem.batch.lower, problem.batch.upper
    assert (following.y >= lower).numpy().all()
    assert (following.y <= upper).numpy().all()
    # No smaller change within the box meets the tangent: d is clip(-lambda g), the least squares solution.
    free = (following.y > lower + 1e-6) & (following.y < upper - 1e-6)
    slopes = (-following.y / gradient).numpy()
    for row in range(5):
        np.testing.assert_allclose(slopes[row][free[row]], slopes[row][free[row]][0], rtol=1e-4)
    # The iterate is the candidate, tested by the same evaluation.
    assert not candidate.delta.numpy().any()
    assert not candidate.succeeded.numpy().any()
    assert [int(number) for number in problem.spent[:2]] == [1, 0]


def test_the_mean_of_tangents_weighs_the_newest_as_said():
    rng = np.random.default_rng(4)
    gradients = rng.normal(size=(3, 5, 6, 6, 1)).astype(np.float32)
    rest = iter(gradients)
    problem = random_problem(lambda _: (np.full(5, 0.5, np.float32), next(rest)))
    solver = sa.solvers.ProxLinear(rho=1.0, alpha=10.0, memory=0.6)
    parameters = solver.parameters(problem, originals_of(5, dtype=tf.float32))
    iterate = first_iterate(solver, problem)
    for k in range(3):
        iterate, _ = solver.step(tf.constant(k), iterate, problem, parameters)
    expected = 0.6 * (0.6 * gradients[0] + 0.4 * gradients[1]) + 0.4 * gradients[2]
    np.testing.assert_allclose(iterate.normal, expected, atol=1e-6)


def test_a_step_leans_on_the_newest_tangent_and_on_the_mean():
    rng = np.random.default_rng(5)
    gradients = rng.normal(size=(3, 5, 6, 6, 1)).astype(np.float32)
    rest = iter(gradients)
    problem = random_problem(lambda _: (np.full(5, 0.5, np.float32), next(rest)))
    solver = sa.solvers.ProxLinear(rho=1.0, alpha=10.0, momentum=0.0, memory=0.5)
    parameters = solver.parameters(problem, originals_of(5, required=0.01, dtype=tf.float32))
    iterate = first_iterate(solver, problem)
    for k in range(3):
        before = iterate.y
        iterate, _ = solver.step(tf.constant(k), iterate, problem, parameters)
    mean, newest = (part.weight[:, None, None, None] for part in (iterate.of_mean, iterate.of_newest))
    curvature = parameters.eta(2) + 2.0
    centre = (before * parameters.eta(2) - mean * iterate.normal - newest * gradients[2]) / curvature
    np.testing.assert_allclose(iterate.y, problem.prox(centre, curvature), atol=1e-5)
    assert tf.reduce_any((mean > 0.0) & (newest > 0.0))


def test_a_linear_network_gets_the_optimum_of_the_group_sparse_problem():
    rng = np.random.default_rng(6)
    weights, images = rng.normal(size=(2, 64)), rng.uniform(size=(10, 8, 8, 1)).astype(np.float32)
    classifier = sa.Classifier.from_callable(lambda x: tf.reshape(x, [-1, 64]) @ tf.constant(weights.T, tf.float32))
    labels = classifier.predict(images).argmax(axis=1)
    # Little enough is asked of the margin for it not to count.
    attack = sa.StrAttack(epsilon=None, refine=False, solver=sa.solvers.ProxLinear(max_iterations=200, patience=None))
    result = attack(classifier, images, labels, 1 - labels)
    assert result.success.all()
    for image, label, delta in zip(images[..., 0].astype(float), labels, result.delta[..., 0], strict=True):
        slope = (weights[label] - weights[1 - label]).reshape(8, 8)
        best = group_sparse_optimum(slope, np.sum(slope * image), image, 2, 0.65)
        norms = np.sqrt(np.square(delta).reshape(4, 2, 4, 2).sum(axis=(1, 3)))
        assert 0.999 < (np.sum(delta**2) + 0.65 * norms.sum()) / best < 1.01


def test_admm_takes_over_where_nothing_is_found():
    classifier = sa.Classifier.from_callable(exact_rows(seed=2))
    images = np.random.default_rng(1).uniform(size=(64, 6, 6, 1)).astype(np.float32)
    labels = classifier.predict(images).argmax(axis=1)
    attack = sa.StrAttack(epsilon=None, refine=False)
    result = attack(classifier, images, labels, (labels + 1 + np.arange(64) % 3) % 4)
    taken_over = result.forward_evaluations > 2  # only ADMM makes forward evaluations of its own
    assert 0 < taken_over.mean() < 0.5
    assert result.success[~taken_over].all()
    assert result.success[taken_over].mean() > 0.5
    assert set(result.origin[taken_over & result.success]) == {"fallback"}


@pytest.mark.parametrize("budget", first_quick([3, 1, 6, 36]))
def test_no_more_groups_change_than_the_budget_allows(exact, budget):
    classifier, images, labels, targets = exact
    for solver in ("prox_linear", "admm"):
        attack = sa.StrAttack(solver=solver, group_size=1, max_groups=budget, epsilon=None)
        result = attack(classifier, images, labels, targets)
        changed = (np.abs(result.delta) > 0).any(axis=3).sum(axis=(1, 2))
        assert changed.max() <= budget
        assert (changed[result.success] > 0).all()
        if budget > 1:
            assert result.success.any()
        if budget == 36:
            assert result.success.mean() > 0.7


@pytest.mark.slow
def test_more_groups_let_more_examples_succeed(exact):
    classifier, images, labels, targets = exact
    rates = []
    for budget in (1, 4, 36):
        attack = sa.StrAttack(group_size=1, max_groups=budget, epsilon=0.5)
        rates.append(attack(classifier, images, labels, targets).success.mean())
    assert rates[0] < rates[1] < rates[2]
