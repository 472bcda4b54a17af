"""Every distortion: its operators against brute force, and the attack against the optimum of a linear network."""

import dataclasses

import numpy as np
import pytest
import scipy.optimize
import tensorflow as tf

import tf_strattack as sa
from tests.builders import linear_network
from tests.slow import first_quick
from tf_strattack.problem.distortions import DISTORTIONS

BETA = 0.7


def cost(name, d):
    """D of one perturbation, from its definition."""
    square, absolute = np.sum(d**2), np.sum(np.abs(d))
    return {
        "l2": square,
        "l1": absolute,
        "en": BETA * absolute + square,
        "l0": np.count_nonzero(np.abs(d) > 1e-6),
        "linf": np.abs(d).max(initial=0.0),
    }[name]


def distortion_of(name):
    kind = DISTORTIONS[name]
    return kind(beta=BETA) if name == "en" else kind()


@pytest.mark.parametrize("name", DISTORTIONS)
def test_the_cost_is_its_definition(name):
    delta = np.random.default_rng(0).normal(size=(4, 3, 5, 2)) * (
        np.random.default_rng(1).uniform(size=(4, 3, 5, 2)) > 0.5
    )
    found = distortion_of(name).cost(tf.constant(delta))
    np.testing.assert_allclose(found, [cost(name, row) for row in delta], rtol=1e-12)


def best_on_a_grid(name, a, weight, lower, upper, points):
    """The least weight D(d) + 1/2 ||d - a||^2 over a grid of the box that holds 0, a and the box's corners."""
    axes = [
        np.unique(np.clip(np.concatenate([np.linspace(low, high, points), [0.0, value]]), low, high))
        for value, low, high in zip(a, lower, upper, strict=True)
    ]
    d = np.stack([axis.ravel() for axis in np.meshgrid(*axes)])
    square, absolute = np.sum(d**2, axis=0), np.sum(np.abs(d), axis=0)
    costs = {
        "l2": square,
        "l1": absolute,
        "en": BETA * absolute + square,
        "l0": np.count_nonzero(d, axis=0),
        "linf": np.abs(d).max(axis=0),
    }
    return (weight * costs[name] + 0.5 * np.sum((d - a[:, None]) ** 2, axis=0)).min()


@pytest.mark.parametrize("weight", [0.02, 0.3, 2.0])
@pytest.mark.parametrize("name", DISTORTIONS)
def test_the_operator_in_the_box_is_not_beaten_by_a_grid(name, weight):
    rng = np.random.default_rng(2)
    distortion = distortion_of(name)
    for _ in range(12):
        a, lower, upper = rng.normal(size=3), -rng.uniform(0, 1.2, size=3), rng.uniform(0, 1.2, size=3)
        lower[rng.integers(3)] = 0.0  # a black pixel
        shaped = (tf.constant(part.reshape(1, 3, 1, 1)) for part in (a, lower, upper))
        first, *box = shaped
        found = distortion.prox(first, tf.constant(weight, tf.float64), *box).numpy().ravel()
        assert ((found >= lower) & (found <= upper)).all()
        value = weight * cost(name, found) + 0.5 * np.sum((found - a) ** 2)
        assert value <= best_on_a_grid(name, a, weight, lower, upper, 41) + 1e-6


@pytest.mark.parametrize("name", DISTORTIONS)
def test_without_a_box_the_operator_is_not_beaten_either(name):
    rng = np.random.default_rng(3)
    for weight in (0.1, 1.0):
        a = rng.normal(size=3)
        first = tf.constant(a.reshape(1, 3, 1, 1))
        found = distortion_of(name).prox(first, tf.constant(weight, tf.float64), -np.inf, np.inf)
        value = weight * cost(name, found.numpy().ravel()) + 0.5 * np.sum((found.numpy().ravel() - a) ** 2)
        assert value <= best_on_a_grid(name, a, weight, np.full(3, -4.0), np.full(3, 4.0), 81) + 1e-6


@pytest.mark.parametrize("name", DISTORTIONS)
def test_0_stays_0_and_rows_are_apart(name):
    a = np.zeros((2, 2, 2, 1), np.float32)
    a[1] = 5.0
    found = distortion_of(name).prox(tf.constant(a), tf.constant(0.5), -1.0, 1.0).numpy()
    assert not found[0].any()
    assert found[1].all()


def optimum(name, rows, offsets, low, high):
    """The least D of a linear network that is to have every margin rows d + offsets <= 0."""
    n = len(low)
    if name in ("l1", "linf"):  # linear programmes in (d, t)
        t, split = (1, np.ones((n, 1))) if name == "linf" else (n, np.eye(n))
        bound = np.block([[np.eye(n), -split], [-np.eye(n), -split]])
        found = scipy.optimize.linprog(
            np.r_[np.zeros(n), np.ones(t)],
            np.block([[rows, np.zeros((len(rows), t))], [bound]]),
            np.r_[-offsets, np.zeros(2 * n)],
            bounds=[*zip(low, high, strict=True), *[(0, None)] * t],
        )
        return found.fun
    # d = p - q with p, q >= 0 makes the elastic net smooth.
    found = scipy.optimize.minimize(
        lambda x: np.sum((x[:n] - x[n:]) ** 2) + (BETA * x.sum() if name == "en" else 0.0),
        np.zeros(2 * n),
        method="SLSQP",
        bounds=[*((0, max(h, 0)) for h in high), *((0, max(-b, 0)) for b in low)],
        constraints=[{"type": "ineq", "fun": lambda x: -(rows @ (x[:n] - x[n:]) + offsets)}],
    )
    return found.fun


@pytest.mark.parametrize("solver", ["admm", "prox_linear"])
@pytest.mark.parametrize("name", first_quick(["en", "l2", "l1", "linf"]))
def test_a_linear_network_gets_its_optimum(name, solver):
    weights, classifier, images, labels, targets = linear_network(36)
    kind = {"admm": sa.solvers.Admm, "prox_linear": sa.solvers.ProxLinear}[solver]
    attack = sa.StrAttack(
        distortion=distortion_of(name),
        tau=0.0,
        solver=kind(max_iterations=400, patience=400),
        epsilon=None,
        refine=False,
    )
    result = attack(classifier, images, labels, targets)
    assert result.success.all()
    for image, target, delta in zip(images, targets, result.delta, strict=True):
        rows = np.stack([weights[j] - weights[target] for j in range(3) if j != target])
        x = image.ravel().astype(float)
        best = optimum(name, rows, rows @ x, -x, 1 - x)
        assert 1 - 1e-3 <= cost(name, delta) / best <= 1.03


def test_l0_of_a_linear_network_is_the_least_number_of_pixels():
    rng = np.random.default_rng(1)
    weights = rng.normal(size=(2, 16))
    matrix = tf.constant(weights.T, tf.float32)
    classifier = sa.Classifier.from_callable(lambda x: tf.reshape(x, [-1, 16]) @ matrix)
    images = rng.uniform(0.3, 0.7, size=(20, 4, 4, 1)).astype(np.float32)
    labels = classifier.predict(images).argmax(axis=1)
    attack = sa.StrAttack(distortion="l0", tau=0.0, solver="admm", epsilon=None, refine=False)
    result = attack(classifier, images, labels, 1 - labels)
    assert result.success.all()
    least = []
    for image, label in zip(images, labels, strict=True):
        row, x = weights[label] - weights[1 - label], image.ravel()
        gains = np.sort(np.maximum(row * x, -row * (1 - x)))[::-1]  # how far one pixel can lower the margin
        least.append(1 + np.flatnonzero(np.cumsum(gains) >= row @ x)[0])
    found = sa.metrics.l0(result.delta)
    assert (found >= least).all()
    assert found.sum() <= 1.25 * np.sum(least)


@pytest.mark.slow
def test_l0_with_groups_changes_fewer_entries_than_l2_and_wants_admm(mnist, digits):
    images, labels, targets = (part[:18] for part in digits)
    squared, counted = (
        sa.StrAttack(epsilon=None, distortion=name, solver="admm")(mnist, images, labels, targets)
        for name in ("l2", "l0")
    )
    both = squared.success & counted.success
    assert both.mean() > 0.9
    few, many = (np.mean([cost("l0", delta) for delta in result.delta[both]]) for result in (counted, squared))
    assert few < 0.5 * many
    for method in (sa.StrAttack, sa.Refinement):
        with pytest.raises(sa.InputError, match="expected solver=admm or paper with distortion=l0"):
            method(distortion="l0")


@pytest.mark.slow
@pytest.mark.parametrize("name", ["l2", "l1", "en", "linf"])
def test_with_groups_too_more_weight_on_a_distortion_leaves_less_of_it(mnist, digits, name):
    images, labels, targets = (part[:18] for part in digits)
    light, heavy = (
        sa.StrAttack(epsilon=None, distortion=distortion_of(name), gamma=gamma)(mnist, images, labels, targets)
        for gamma in (0.1, 10.0)
    )
    both = light.success & heavy.success
    assert both.mean() > 0.9
    least, most = (np.mean([cost(name, delta) for delta in result.delta[both]]) for result in (heavy, light))
    assert least < 0.95 * most


@pytest.mark.slow
def test_refinement_reduces_the_requested_distortion(mnist, digits):
    images, labels, targets = (part[:9] for part in digits)
    start = sa.IFGM(norm="l2")(mnist, images, labels, targets)
    for name in DISTORTIONS:
        for solver in ("prox_linear", "admm") if name != "l0" else ("admm",):
            refined = sa.refine(
                mnist, images, start.adversarial, labels, targets, distortion=distortion_of(name), solver=solver
            )
            before, after = ([cost(name, delta) for delta in result.delta] for result in (start, refined))
            assert refined.success.all()
            assert (np.array(after) <= np.array(before) * (1 + 1e-6)).all()
            assert np.mean(after) < 0.95 * np.mean(before)


@pytest.mark.parametrize("tau", first_quick([0.3, 0.0]))
@pytest.mark.parametrize("name", first_quick(["l0", "l1", "linf"]))
def test_the_papers_solver_takes_any_distortion(exact, name, tau):
    classifier, images, labels, targets = exact
    attack = sa.StrAttack(
        distortion=name,
        tau=tau,
        solver=sa.solvers.Paper(max_iterations=100, rho=2.0),
        refine=sa.Refinement(solver=sa.solvers.Paper.refining(max_iterations=30)),
        epsilon=None,
    )
    result = attack(classifier, images, labels, targets)
    assert result.success.mean() > 0.9
    squared = dataclasses.replace(attack, distortion="l2")(classifier, images, labels, targets)
    both = result.success & squared.success
    assert not np.array_equal(result.adversarial[both], squared.adversarial[both])
