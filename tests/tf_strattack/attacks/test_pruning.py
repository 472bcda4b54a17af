"""Fewer changed entries, or groups, where an example succeeds without."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

import tf_strattack as sa
from tests.builders import brief
from tests.slow import first_quick

FEW = sa.solvers.ProxLinear.refining(max_iterations=10)
REFINED = brief(40, epsilon=None, refine=sa.Refinement(solver=FEW))


def counted(delta, unit):
    return sa.metrics.l0(delta) if unit == "entries" else sa.metrics.nonzero_groups(delta, 2)


@pytest.mark.parametrize("unit", ["entries", "groups"])
def test_fewer_change_and_as_many_succeed(exact, unit):
    classifier, _, labels, targets = exact
    plain = REFINED(*exact)
    pruned = dataclasses.replace(REFINED, refine=dataclasses.replace(REFINED.refine, prune=unit))(*exact)
    np.testing.assert_array_equal(plain.success, pruned.success)
    np.testing.assert_array_equal(plain.origin, pruned.origin)
    found = plain.success
    assert (counted(pruned.delta, unit) <= counted(plain.delta, unit)).all()
    assert counted(pruned.delta[found], unit).mean() < 0.7 * counted(plain.delta[found], unit).mean()
    assert classifier.fooled_by(pruned.adversarial, labels, targets)[found].all()
    # What is left lies within what was there, and each round costs at most its iterations.
    assert not (pruned.delta[(np.abs(plain.delta) <= 1e-6)]).any()
    more = pruned.gradient_evaluations - plain.gradient_evaluations
    assert more.max() <= 5 * 10
    assert not more[~found].any()


def test_one_entry_fewer_would_not_do_on_a_linear_network():
    """The fewest entries are known for a linear network: the largest gains until they suffice."""
    rng = np.random.default_rng(0)
    weights = rng.normal(size=(16, 2)).astype(np.float32)
    images = rng.uniform(0.3, 0.7, size=(12, 4, 4, 1)).astype(np.float32)
    classifier = sa.Classifier.from_callable(lambda x: tf.reshape(x, [-1, 16]) @ weights)
    labels = classifier.predict(images).argmax(axis=1)
    attack = sa.StrAttack(epsilon=None, refine=sa.Refinement(prune="entries"))
    result = attack(classifier, images, labels, 1 - labels)
    assert result.success.all()
    for image, label, delta in zip(images, labels, result.delta, strict=True):
        slope = weights[:, 1 - label] - weights[:, label]
        flat = image.reshape(-1)
        gains = np.sort(np.where(slope > 0, slope * (1 - flat), -slope * flat))[::-1]
        needed = -(slope @ flat)
        fewest = int(np.searchsorted(np.cumsum(gains), needed) + 1)
        assert fewest <= sa.metrics.l0(delta[None])[0] <= fewest + 1


def test_groups_that_overlap_are_given_up_whole(exact):
    mask = sa.SlidingMask(3, 2)
    refine = sa.Refinement(solver=FEW, prune="groups")
    attack = dataclasses.replace(REFINED, groups=mask, refine=refine)
    plain = dataclasses.replace(attack, refine=sa.Refinement(solver=FEW))(*exact)
    pruned = attack(*exact)
    found = plain.success
    fewer, before = (sa.metrics.nonzero_groups(result.delta[found], mask).mean() for result in (pruned, plain))
    assert fewer < 0.8 * before
    np.testing.assert_array_equal(plain.success, pruned.success)


SHORT = {
    "admm": (sa.solvers.Admm(max_iterations=60), sa.solvers.Admm.refining(max_iterations=30)),
    "paper": (
        sa.solvers.Paper(max_iterations=60, search_steps=2),
        sa.solvers.Paper.refining(max_iterations=30, search_steps=2),
    ),
}


@pytest.mark.parametrize("unit", ["groups", "entries"])
@pytest.mark.parametrize("solver", first_quick(SHORT))
def test_every_solver_of_the_refinement_prunes(exact, solver, unit):
    first, refining = SHORT[solver]
    classifier, images, labels, targets = exact
    plain = sa.StrAttack(solver=first, refine=False, epsilon=None)(*exact)
    pruned = sa.StrAttack(solver=first, refine=sa.Refinement(solver=refining, prune=unit), epsilon=None)(*exact)
    assert plain.success.mean() > 0.5
    np.testing.assert_array_equal(pruned.success, plain.success)
    found = plain.success
    assert counted(pruned.delta[found], unit).mean() < 0.8 * counted(plain.delta[found], unit).mean()
    alone = sa.refine(classifier, images, plain.adversarial, labels, targets, solver=refining, prune=unit)
    np.testing.assert_array_equal(alone.success, plain.success)
    assert counted(alone.delta[found], unit).mean() < 0.8 * counted(plain.delta[found], unit).mean()


def test_groups_of_each_image_are_given_up_without_the_attack_too(exact):
    classifier, images, labels, targets = exact
    maps = np.random.default_rng(4).integers(0, 9, size=(len(images), 6, 6))
    maps[:, 0] = -1
    rough = sa.IFGM(norm="l2")(classifier, images, labels, targets)
    for unlabelled in ("free", "fixed"):
        groups = sa.LabelMap(maps, unlabelled=unlabelled)
        mask = np.ones((6, 6)) if unlabelled == "free" else (maps[0] >= 0)
        given = (classifier, images, rough.adversarial, labels, targets)
        plain = sa.refine(*given, solver=FEW, mask=mask)
        pruned = sa.refine(*given, solver=FEW, prune="groups", groups=groups)
        assert pruned.success[rough.success].all()
        found = rough.success
        fewer, before = (sa.metrics.nonzero_groups(result.delta, groups)[found].mean() for result in (pruned, plain))
        assert fewer < 0.9 * before
    changed = (np.abs(pruned.delta[:, 0]) > 1e-6).any(axis=(1, 2))
    assert changed[found].mean() < 0.5, "fixed pixels are given up where the example succeeds without"


def test_examples_of_other_attacks_are_pruned_too(exact):
    classifier, images, labels, targets = exact
    rough = sa.IFGM(norm="l2")(classifier, images, labels, targets)
    plain = sa.refine(classifier, images, rough.adversarial, labels, targets, solver=FEW)
    pruned = sa.refine(classifier, images, rough.adversarial, labels, targets, solver=FEW, prune="groups", groups=3)
    found = rough.success
    assert pruned.success[found].all()
    groups = [sa.metrics.nonzero_groups(result.delta[found], 3).mean() for result in (plain, pruned)]
    assert groups[1] < 0.8 * groups[0]


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"prune": "pixels"}, "expected prune to be one of entries, groups, received 'pixels'"),
        ({"groups": 2}, "expected groups with prune=groups, received prune=None: leave groups out"),
        (
            {"groups": 2, "prune": "entries"},
            "expected groups with prune=groups, received prune=entries: leave groups out",
        ),
    ],
)
def test_what_means_nothing_is_refused(given, message):
    with pytest.raises(sa.InputError) as error:
        sa.Refinement(**given)
    assert str(error.value) == message


def test_the_attack_s_groups_are_those_that_count():
    attack = sa.StrAttack(group_size=3, refine=sa.Refinement(prune="groups"))
    assert attack.refinement.groups == sa.SlidingMask(3)
    with pytest.raises(sa.InputError, match="expected a Refinement with the attack's groups="):
        sa.StrAttack(group_size=3, refine=sa.Refinement(prune="groups", groups=2))
