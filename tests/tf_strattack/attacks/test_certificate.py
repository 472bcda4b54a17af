"""The certificate: a bound that no example is below, and that the optimum of a linear network meets."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

import tf_strattack as sa
from tests.slow import first_quick
from tests.tf_strattack.oracles import group_sparse_optimum

LONG = sa.solvers.ProxLinear(max_iterations=200, patience=None)


def linear(rows=10, side=8, seed=6):
    rng = np.random.default_rng(seed)
    weights, images = rng.normal(size=(2, side * side)), rng.uniform(size=(rows, side, side, 1)).astype(np.float32)
    flat = side * side
    classifier = sa.Classifier.from_callable(lambda x: tf.reshape(x, [-1, flat]) @ tf.constant(weights.T, tf.float32))
    labels = classifier.predict(images).argmax(axis=1)
    return weights, classifier, images, labels


@pytest.mark.parametrize("seed", first_quick([7, 8]))
def test_on_a_linear_network_the_bound_is_the_optimum(seed):
    weights, classifier, images, labels = linear(rows=20, seed=seed)
    attack = sa.StrAttack(epsilon=None, refine=False, solver=LONG)
    result = attack(classifier, images, labels, 1 - labels)
    found = sa.certificate(attack, classifier, result)
    every = zip(images[..., 0].astype(float), labels, found.bound, found.objective, strict=True)
    for image, label, bound, cost in every:
        slope = (weights[label] - weights[1 - label]).reshape(8, 8)
        best = group_sparse_optimum(slope, np.sum(slope * image), image, 2, 0.65)
        assert 0.9999 * best < bound <= best * (1 + 1e-4)
        assert cost >= bound * (1 - 1e-5)
    assert found.objective.min() < 0.1, "optima near 0, where groups are on the verge"
    assert (found.gap < 0.01).all()


@pytest.mark.parametrize(
    "change",
    first_quick([{}, {"tau": 0.0}, {"distortion": "en"}, {"group_size": 3, "border": "drop"}, {"epsilon": 0.2}]),
)
def test_no_perturbation_that_succeeds_is_below_the_bound(change):
    _, classifier, images, labels = linear(rows=6)
    attack = sa.StrAttack(**{"epsilon": None, "refine": False, "solver": LONG, **change})
    result = attack(classifier, images, labels, 1 - labels)
    assert result.success.any()
    found = sa.certificate(attack, classifier, result)
    assert (found.gap[result.success] > -1e-5).all()
    assert (found.gap[result.success] < 0.05).all()
    worse = dataclasses.replace(attack, solver=sa.solvers.ProxLinear(max_iterations=12))
    rough = worse(classifier, images, labels, 1 - labels)
    both = result.success & rough.success
    assert both.any()
    coarse = sa.certificate(worse, classifier, rough)
    # The network is linear: the bound is the same from anywhere.
    np.testing.assert_allclose(coarse.bound[both], found.bound[both], rtol=1e-3)
    assert coarse.gap[both].mean() > found.gap[both].mean()


def halves(rows):
    """A map for each image: four strips above, and no group below."""
    maps = np.full((rows, 8, 8), -1)
    maps[:, :4] = np.arange(4)[:, None]
    return maps


@pytest.mark.parametrize("values", first_quick([{"unlabelled": "fixed", "weights": "size"}, {}]))
def test_groups_of_each_image_have_a_bound_like_those_of_all(values):
    _, classifier, images, labels = linear(rows=6)
    found = []
    for maps in (halves(6), halves(1)[0]):
        attack = sa.StrAttack(epsilon=None, refine=False, solver=LONG, groups=sa.LabelMap(maps, **values))
        result = attack(classifier, images, labels, 1 - labels)
        assert result.success.all()
        found.append(sa.certificate(attack, classifier, result))
        assert (found[-1].gap > -1e-5).all()
        assert np.median(found[-1].gap) < 0.01
    np.testing.assert_allclose(found[0].bound, found[1].bound, rtol=1e-6)


def test_a_random_success_costs_more_than_the_bound():
    weights, classifier, images, labels = linear(rows=4)
    attack = sa.StrAttack(epsilon=None, refine=False, solver=LONG)
    bound = sa.certificate(attack, classifier, attack(classifier, images, labels, 1 - labels)).bound
    rng = np.random.default_rng(0)
    for row in range(4):
        towards = np.sign(weights[1 - labels[row]] - weights[labels[row]]).reshape(8, 8, 1)
        steps = rng.uniform(0, 0.6, size=(2000, 8, 8, 1)) * rng.uniform(size=(2000, 1, 1, 1))
        tried = np.clip(images[row] + steps * towards, 0, 1).astype(np.float32)
        adversarial = tried[classifier.predict(tried).argmax(axis=1) != labels[row]]
        costs = attack.objective(8, 8).cost(tf.constant(adversarial - images[row]))
        assert len(adversarial)
        assert costs.numpy().min() > bound[row]


@pytest.mark.slow
def test_digits_are_near_a_stationary_point(mnist, digits):
    images, labels, _ = (part[:6] for part in digits)
    attack = sa.StrAttack(refine=False)
    short = sa.StrAttack(refine=False, solver=sa.solvers.ProxLinear(max_iterations=15))
    results = [a(mnist, images, labels, (labels + 1) % 10) for a in (attack, short)]
    gaps = [sa.certificate(attack, mnist, result).gap for result in results]
    assert np.nanmedian(gaps[0]) < np.nanmedian(gaps[1])


def test_failures_have_none():
    _, classifier, images, labels = linear(rows=3)
    brief = sa.solvers.ProxLinear(max_iterations=2)
    attack = sa.StrAttack(epsilon=1e-4, refine=False, restarts=0, fallback=None, solver=brief)
    result = attack(classifier, images, labels, 1 - labels)
    assert not result.success.any()
    assert np.isnan(sa.certificate(attack, classifier, result).gap).all()


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"penalty": "l2_half"}, "expected a convex problem, received penalty=l2_half or max_groups"),
        ({"max_groups": 3}, "expected a convex problem, received penalty=l2_half or max_groups"),
        ({"distortion": "l1"}, "expected distortion l2 or en, whose minimum is closed, received L1"),
        ({"group_size": 3, "stride": 2}, "expected groups that do not overlap, received overlapping ones"),
    ],
)
def test_other_problems_are_refused(exact, given, message):
    attack = sa.StrAttack(**given)
    result = sa.FGM()(*exact)
    with pytest.raises(sa.InputError) as error:
        sa.certificate(attack, exact[0], result)
    assert str(error.value) == message
