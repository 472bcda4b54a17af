"""Networks that return NaN or infinity off the clean images: it is said, with how many examples."""

import warnings

import numpy as np
import pytest
import tensorflow as tf

import tf_strattack as sa
from tests.slow import first_quick

ATTACKS = {
    "strattack": sa.StrAttack(group_size=2),
    "admm": sa.StrAttack(group_size=2, solver="admm", refine=False),
    "paper": sa.StrAttack(group_size=2, solver=sa.solvers.Paper(max_iterations=20), fallback=None, refine=False),
    "cw": sa.CarliniWagnerL2(max_iterations=30, search_steps=2),
    "ead": sa.ElasticNet(max_iterations=60, search_steps=3, initial_c=10.0),
    "fgm": sa.FGM(),
    "ifgm": sa.IFGM(),
    "pgd": sa.PGD(restarts=2),
    "sigma_zero": sa.SigmaZero(max_iterations=50),
}


def fragile(value):
    """A linear network that returns `value` for images in which a pixel has become darker than those of the first."""
    weights = tf.constant(np.random.default_rng(0).normal(size=(36, 3)), tf.float32)

    def network(images):
        flat = tf.reshape(images, [-1, 36])
        logits = flat @ weights
        return tf.where(tf.reduce_min(flat, axis=1, keepdims=True) < 0.4999, value, logits)

    return sa.Classifier.from_callable(network)


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(1).uniform(0.5, 0.8, size=(6, 6, 6, 1)).astype(np.float32)


@pytest.mark.parametrize("value", first_quick([np.nan, np.inf]))
@pytest.mark.parametrize("name", first_quick(ATTACKS, 5))
def test_it_is_said_for_how_many_examples_and_weights_stay_finite(name, value, images):
    classifier = fragile(value)
    labels = classifier.predict(images).argmax(axis=1)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        result = ATTACKS[name](classifier, images, labels, (labels + 1) % 3)
    said = [str(warning.message) for warning in caught if "NaN or infinity" in str(warning.message)]
    assert np.isfinite(result.c).all()
    assert np.isfinite(result.adversarial).all()
    assert (
        classifier.predict(result.adversarial[result.success]).argmax(axis=1) == result.targets[result.success]
    ).all()
    if name not in ("fgm",):  # which asks for one gradient, at the originals
        assert len(said) == 1
        assert "of 6 examples: their lack of success says nothing about robustness" in said[0]


def test_nothing_is_said_of_other_networks(images):
    classifier = fragile(np.nan)
    labels = classifier.predict(images).argmax(axis=1)
    with warnings.catch_warnings():
        warnings.simplefilter("error", sa.InputWarning)
        sa.StrAttack(epsilon=1e-5, fallback=None)(classifier, images, labels)


def test_a_large_weight_gives_a_finite_result(exact):
    classifier, images, labels, targets = exact
    assert np.isfinite(sa.StrAttack(tau=1e20)(classifier, images[:4], labels[:4], targets[:4]).c).all()
    with pytest.warns(sa.InputWarning, match="NaN or infinity on perturbed images of 4 of 4 examples"):
        result = sa.StrAttack(tau=1e38)(classifier, images[:4], labels[:4], targets[:4])
    assert np.isfinite(result.c).all()
    for tau in (1e39, float("inf"), float("nan"), 10**400):
        with pytest.raises(sa.InputError, match="expected tau to be a number at least 0"):
            sa.StrAttack(tau=tau)


@pytest.mark.parametrize("level", [0.0, 1.0])
def test_a_first_image_that_is_all_black_or_white_is_no_broken_network(level, mnist):
    classifier = sa.shipped.load_classifier()
    image = np.full((1, 28, 28, 1), level, np.float32)
    label = classifier.predict(image).argmax(axis=1)
    assert len(sa.FGM()(classifier, image, label)) == 1


def test_what_a_call_of_an_attack_cannot_be_is_refused(exact):
    classifier, images, labels, _ = exact
    with pytest.raises(sa.InputError, match="expected callback to be a function"):
        sa.FGM()(classifier, images[:1], labels[:1], callback=3)
