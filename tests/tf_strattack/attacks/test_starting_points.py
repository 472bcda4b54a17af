"""Starting points and restarts: success by construction, on networks whose gradient says nothing too."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

import tf_strattack as sa
from tests.builders import exact_rows
from tests.slow import first_quick

BRIEF = sa.StrAttack(
    epsilon=None,
    solver=sa.solvers.ProxLinear(max_iterations=8, initial_radius=1.0),  # leaps to where the network hides
    fallback=None,
    restarts=0,
    refine=sa.Refinement(solver=sa.solvers.ProxLinear.refining(max_iterations=5)),
)


def winner_takes_all(network):
    """k-WTA (arXiv 1905.10510) on the pixels: the network sees the twelve brightest alone."""

    def logits(images):
        flat = tf.reshape(images, [-1, 36])
        least = tf.sort(flat, axis=1, direction="DESCENDING")[:, 11:12]
        return network(tf.reshape(tf.where(flat >= least, flat, 0.0), tf.shape(images)))

    return logits


def rounded(network):
    """Rounding to four levels, with a gradient (straight-through) that points away from where rounding leads."""

    def logits(images):
        steps = tf.round(3.0 * images) / 3.0
        return network(tf.stop_gradient(steps + images) - images)

    return logits


def saturated(network):
    """Logits that hardly depend on the image where the network is sure."""
    return lambda images: 5.0 * tf.tanh(3.0 * network(images))


HIDING = {"k-wta": winner_takes_all, "rounding": rounded, "saturated": saturated}


def examples(hiding, rows=24):
    classifier = sa.Classifier.from_callable(HIDING[hiding](exact_rows()))
    images = np.random.default_rng(3).uniform(size=(rows + 60, 6, 6, 1)).astype(np.float32)
    classes = classifier.predict(images).argmax(axis=1)
    pool = images[rows:][np.unique(classes[rows:], return_index=True)[1]]  # one of each class that there is
    known = np.unique(classes[rows:])
    images, labels = images[:rows], classes[:rows]
    targets = known[(np.searchsorted(known, labels) + 1) % len(known)]
    different = targets != labels
    return classifier, images[different], labels[different], targets[different], pool


@pytest.mark.parametrize("hiding", first_quick(HIDING))
@pytest.mark.filterwarnings("ignore::tf_strattack.InputWarning")
def test_with_a_starting_point_success_is_certain(hiding):
    classifier, images, labels, targets, pool = examples(hiding)
    alone = BRIEF(classifier, images, labels, targets)
    assert not alone.success.all(), "the network hides nothing"
    result = BRIEF(classifier, images, labels, targets, starting_points=pool)
    assert result.success.all()
    assert set(result.origin) == {"first run", "starting point"} or set(result.origin) == {"starting point"}
    np.testing.assert_array_equal(result.origin == "first run", alone.success)
    # What the first run found is the same to the last bit, and cost the same.
    np.testing.assert_array_equal(result.adversarial[alone.success], alone.adversarial[alone.success])
    np.testing.assert_array_equal(result.gradient_evaluations[alone.success], alone.gradient_evaluations[alone.success])
    rest = ~alone.success
    assert (result.forward_evaluations[rest] >= alone.forward_evaluations[rest] + 9).all()  # a trial and eight halvings
    assert set(alone.origin[rest]) == {""}


def test_the_start_is_brought_near_and_the_result_is_no_farther_than_it():
    classifier, images, labels, targets, pool = examples("rounding")
    result = BRIEF(classifier, images, labels, targets, starting_points=pool)
    begun = result.origin == "starting point"
    assert begun.any()
    classes = classifier.predict(pool).argmax(axis=1)
    for row in np.flatnonzero(begun):
        nearest = min(sa.metrics.l2((pool[i] - images[row])[None])[0] for i in np.flatnonzero(classes == targets[row]))
        assert sa.metrics.l2(result.delta[row : row + 1])[0] <= nearest + 1e-6


def test_points_of_each_image_are_its_own_and_a_result_does_not_depend_on_the_batch():
    classifier, images, labels, targets, pool = examples("rounding")
    classes = classifier.predict(pool).argmax(axis=1)
    own = np.stack([pool[classes == target][:1] for target in targets])
    other = np.stack([pool[classes != target][:1] for target in targets])
    result = BRIEF(classifier, images, labels, targets, starting_points=own)
    assert result.success.all()
    none = BRIEF(classifier, images, labels, targets)
    useless = BRIEF(classifier, images, labels, targets, starting_points=other)
    np.testing.assert_array_equal(useless.success, none.success)
    np.testing.assert_array_equal(useless.c, none.c)
    for row in (0, 3):
        alone = BRIEF(
            classifier, *(part[row : row + 1] for part in (images, labels, targets)), starting_points=own[row : row + 1]
        )
        np.testing.assert_array_equal(alone.adversarial[0], result.adversarial[row])
        assert alone.forward_evaluations[0] == result.forward_evaluations[row]


def test_points_stay_within_epsilon_the_mask_and_the_budget():
    classifier, images, labels, targets, pool = examples("k-wta")
    mask = np.zeros((6, 6), bool)
    mask[:, :4] = True
    small = sa.StrAttack(epsilon=0.5, solver=BRIEF.solver, fallback=None, restarts=0, refine=False, max_groups=5)
    result = small(classifier, images, labels, targets, mask=mask, starting_points=pool)
    assert np.abs(result.delta).max() <= 0.5 + 1e-6
    assert not result.delta[:, :, 4:].any()
    assert sa.metrics.nonzero_groups(result.delta, 2).max() <= 5


def test_the_first_restart_takes_shorter_steps_from_the_original(exact):
    long, short = (sa.solvers.ProxLinear(max_iterations=8, alpha=alpha) for alpha in (0.1, 0.4))
    attack = sa.StrAttack(epsilon=None, solver=long, fallback=None, restarts=0, refine=False)
    once, again = attack(*exact), dataclasses.replace(attack, restarts=1)(*exact)
    alone = dataclasses.replace(attack, solver=short)(*exact)
    found = again.origin == "restart"
    assert found.any()
    np.testing.assert_array_equal(again.adversarial[found], alone.adversarial[found])
    np.testing.assert_array_equal(again.success, once.success | alone.success)
    np.testing.assert_array_equal(again.adversarial[once.success], once.adversarial[once.success])
    assert set(again.gradient_evaluations[~once.success]) == {1 + 2 * 8}


@pytest.mark.filterwarnings("ignore::tf_strattack.InputWarning")
def test_what_the_fallback_finds_for_the_convex_problem_is_kept():
    classifier, images, labels, targets, _ = examples("rounding")
    attack = dataclasses.replace(BRIEF, fallback=sa.solvers.Admm(max_iterations=60))
    convex = attack(classifier, images, labels, targets)
    half = dataclasses.replace(attack, penalty="l2_half")(classifier, images, labels, targets)
    assert (convex.origin == "fallback").any()
    assert half.success[convex.success].all()


@pytest.mark.parametrize("hiding", first_quick(HIDING))
@pytest.mark.filterwarnings("ignore::tf_strattack.InputWarning")
def test_restarts_find_more_and_change_nothing_that_the_first_run_found(hiding):
    classifier, images, labels, targets, _ = examples(hiding)
    once = BRIEF(classifier, images, labels, targets)
    again = dataclasses.replace(BRIEF, restarts=4)(classifier, images, labels, targets)
    found = again.origin == "restart"
    assert found.any()
    np.testing.assert_array_equal(again.success, once.success | found)
    np.testing.assert_array_equal(again.adversarial[once.success], once.adversarial[once.success])
    np.testing.assert_array_equal(again.gradient_evaluations[once.success], once.gradient_evaluations[once.success])
    # One at the original, and eight of each run.
    assert set(again.gradient_evaluations[~again.success]) <= {1 + 5 * 8}
    assert classifier.fooled_by(again.adversarial, labels, targets)[found].all()
    for row in np.flatnonzero(found)[:2]:
        alone = dataclasses.replace(BRIEF, restarts=4)(
            classifier, *(part[row : row + 1] for part in (images, labels, targets))
        )
        np.testing.assert_array_equal(alone.adversarial[0], again.adversarial[row])


@pytest.mark.parametrize(
    "solver", [sa.solvers.Paper(max_iterations=8, search_steps=2), sa.solvers.Admm(max_iterations=4)]
)
@pytest.mark.filterwarnings("ignore::tf_strattack.InputWarning")
def test_restarts_of_every_solver_find_more(solver):
    classifier, images, labels, targets, pool = examples("rounding")
    once = dataclasses.replace(BRIEF, solver=solver, refine=False)
    again = dataclasses.replace(once, restarts=3)
    found, more = (attack(classifier, images, labels, targets).success for attack in (once, again))
    assert more[found].all()
    assert more.sum() > found.sum()
    limited = dataclasses.replace(once, max_groups=5)
    results = [limited(classifier, images, labels, targets, starting_points=some) for some in (None, pool)]
    assert results[1].success.sum() >= results[0].success.sum()


def test_random_points_come_from_the_seed_and_stay_in_the_box():
    classifier, images, labels, targets, _ = examples("rounding")
    mask = np.zeros((6, 6), bool)
    mask[:, :4] = True
    limited = dataclasses.replace(BRIEF, restarts=4, epsilon=0.5, refine=False)
    first, second, other = (
        dataclasses.replace(limited, seed=seed)(classifier, images, labels, targets, mask=mask) for seed in (0, 0, 1)
    )
    begun = first.origin == "restart"
    assert begun.any()
    np.testing.assert_array_equal(first.adversarial, second.adversarial)
    assert (first.adversarial[begun] != other.adversarial[begun]).any()
    assert np.abs(first.delta).max() <= 0.5 + 1e-6
    assert not first.delta[:, :, 4:].any()


@pytest.mark.parametrize(
    "change", first_quick([{"penalty": "l2_half"}, {"max_groups": 6}]), ids=["l2_half", "max_groups"]
)
def test_problems_that_are_not_convex_begin_again_too(change):
    classifier, images, labels, targets, _ = examples("rounding")
    attack = dataclasses.replace(BRIEF, refine=False, **change)
    once = attack(classifier, images, labels, targets)
    again = dataclasses.replace(attack, restarts=4)(classifier, images, labels, targets)
    assert again.success.sum() > once.success.sum()
    assert set(again.origin[again.success & ~once.success]) == {"restart"}


@pytest.mark.parametrize(
    ("points", "message"),
    [
        (
            np.zeros((3, 5, 6, 1)),
            r"expected starting points of shape \(P, 6, 6, 1\), a pool, or \(N, K, 6, 6, 1\)",
        ),
        (np.zeros((6, 6, 1)), "a pool, or"),
        (np.zeros((2, 1, 6, 6, 1)), "some for each example"),
        (np.full((2, 6, 6, 1), 3.0), "expected starting points within"),
    ],
)
def test_points_that_do_not_fit_are_refused(points, message):
    classifier, images, labels, _, _ = examples("k-wta")
    with pytest.raises(sa.InputError, match=message):
        BRIEF(classifier, images, labels, starting_points=points)


@pytest.mark.slow
def test_the_origin_survives_saving(tmp_path):
    classifier, images, labels, targets, pool = examples("rounding")
    result = BRIEF(classifier, images, labels, targets, starting_points=pool)
    result.save(tmp_path / "result.npz")
    assert sa.AttackResult.load(tmp_path / "result.npz").origin.tolist() == result.origin.tolist()
    assert set(sa.refine(classifier, images, result.adversarial, labels, targets).origin) == {""}
