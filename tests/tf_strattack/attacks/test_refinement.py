"""Proposition 3 on perturbations of any origin."""

import numpy as np
import pytest

import tf_strattack as sa
from tf_strattack.attacks.refinement import sparse_pattern


@pytest.mark.parametrize("quantile", [0.0, 0.03, 0.5, 1.0])
def test_the_pattern_equals_a_loop_and_is_each_example_s_own(quantile):
    rng = np.random.default_rng(0)
    delta = rng.normal(size=(6, 5, 5, 2)) * 10.0 ** rng.integers(-3, 0, size=(6, 1, 1, 1))
    delta *= rng.uniform(size=delta.shape) < 0.4
    delta[3] = 0.0
    delta = delta.astype(np.float32)
    pattern = sparse_pattern(delta, quantile)
    for row, kept in zip(delta, pattern, strict=True):
        changed = np.sort(np.abs(row[np.abs(row) > 1e-6]))
        sigma = np.quantile(changed, quantile, method="lower") if len(changed) else np.inf
        np.testing.assert_array_equal(kept, (np.abs(row) > 1e-6) & (np.abs(row) >= sigma - 1e-6))
    np.testing.assert_array_equal(pattern[:1], sparse_pattern(delta[:1], quantile))


def test_a_perturbation_of_one_magnitude_keeps_its_support():
    images = np.random.default_rng(0).uniform(0.2, 0.8, size=(3, 8, 8, 1)).astype(np.float32)
    signs = np.sign(np.random.default_rng(1).normal(size=images.shape)).astype(np.float32)
    delta = (images + np.float32(0.1) * signs) - images  # of one magnitude up to rounding
    assert sparse_pattern(delta, 0.03).all()


def fast_gradient(exact):
    """A dense, crude perturbation of another origin."""
    classifier, images, labels, targets = exact
    rng = np.random.default_rng(0)
    result = sa.FGM(norm="l2")(classifier, images, labels, targets)
    noise = rng.normal(scale=0.02, size=images.shape).astype(np.float32)
    adversarial = np.clip(images + 1.6 * result.delta + noise, 0, 1)
    fooled = classifier.predict(adversarial).argmax(axis=1) == targets
    assert 0.3 < fooled.mean() < 1.0, "the test needs successes and failures"
    return adversarial, fooled


@pytest.mark.parametrize("solver", ["prox_linear", "admm", "paper"])
def test_results_are_never_worse_and_never_wider_than_what_came_in(exact, solver):
    classifier, images, labels, targets = exact
    adversarial, fooled = fast_gradient(exact)
    result = sa.refine(classifier, images, adversarial, labels, targets=targets, solver=solver)
    before, after = sa.metrics.l2(adversarial - images), sa.metrics.l2(result.delta)
    np.testing.assert_array_equal(result.success, fooled)
    np.testing.assert_array_equal(result.adversarial[~fooled], adversarial[~fooled])
    assert (after <= before + 1e-6).all()
    assert after[fooled].mean() < 0.8 * before[fooled].mean()
    assert not (result.delta[np.abs(adversarial - images) <= 1e-6]).any()
    np.testing.assert_array_equal(classifier.predict(result.adversarial).argmax(axis=1)[fooled], targets[fooled])
    assert result.adversarial.min() >= 0
    assert result.adversarial.max() <= 1


def test_the_search_of_c_finds_much_the_same_from_anywhere(exact):
    classifier, images, labels, targets = exact
    adversarial, fooled = fast_gradient(exact)
    distances, weights = [], []
    for initial_c, search_steps in ((1.0, 5), (1e-2, 8), (1e2, 8)):
        solver = sa.solvers.Paper.refining(max_iterations=60, initial_c=initial_c, search_steps=search_steps)
        result = sa.refine(classifier, images, adversarial, labels, targets, solver=solver)
        np.testing.assert_array_equal(result.success, fooled)
        distances.append(sa.metrics.l2(result.delta)[fooled])
        weights.append(result.c[fooled])
    for other in distances[1:]:  # early iterates are still near the start: with too small a c, one may succeed
        assert np.isclose(other, distances[0], rtol=0.03).mean() > 0.9
    assert distances[0].mean() < 0.5 * sa.metrics.l2(adversarial - images)[fooled].mean()
    assert all(len(np.unique(c)) > 1 for c in weights), "every example has a c of its own"


def test_refinement_of_an_example_does_not_depend_on_its_batch(exact):
    classifier, images, labels, targets = exact
    adversarial, _ = fast_gradient(exact)
    together = sa.refine(classifier, images, adversarial, labels, targets)
    for rows in (1, 3, 8):
        part = sa.refine(classifier, images[:rows], adversarial[:rows], labels[:rows], targets[:rows])
        np.testing.assert_array_equal(part.adversarial, together.adversarial[:rows])


def test_what_cannot_be_improved_comes_back_unchanged(exact):
    classifier, images, labels, targets = exact
    adversarial, fooled = fast_gradient(exact)
    result = sa.refine(classifier, images, images, labels, targets)
    np.testing.assert_array_equal(result.adversarial, images)
    assert not result.success.any()
    demanding = sa.refine(classifier, images, adversarial, labels, targets, confidence=1e5)
    np.testing.assert_array_equal(demanding.adversarial, adversarial)
    assert not demanding.success.any()
    assert fooled.any()


def test_the_attack_s_refinement_is_this_one(exact):
    classifier, images, labels, targets = exact
    raw = sa.StrAttack(refine=False)(classifier, images, labels, targets)
    both = sa.StrAttack()(classifier, images, labels, targets)
    after = sa.refine(classifier, images, raw.adversarial, labels, targets, epsilon=0.6)
    np.testing.assert_array_equal(both.success, after.success)
    # Stored images are rounded: a change at the threshold can fall on its other side, and the pattern is another.
    alike = np.isclose(sa.metrics.l2(both.delta), sa.metrics.l2(after.delta), rtol=0.02)
    assert (~alike).sum() <= 1
    np.testing.assert_allclose(sa.metrics.l2(both.delta), sa.metrics.l2(after.delta), rtol=0.1)


def test_wrong_arguments_are_refused(exact):
    classifier, images, labels, targets = exact
    with pytest.raises(sa.InputError, match=r"expected adversarial images of the images' shape \(27, 6, 6, 1\)"):
        sa.refine(classifier, images, images[:3], labels, targets)
    with pytest.raises(sa.InputError, match="expected solver to be one of prox_linear, admm, paper, received 'x'"):
        sa.refine(classifier, images, images, labels, targets, solver="x")
