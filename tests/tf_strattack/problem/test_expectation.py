"""Expectation: what the loop sees, what the last check draws, and that no result depends on the batch."""

import dataclasses

import numpy as np
import pytest
import scipy.stats
import tensorflow as tf

import tf_strattack as sa
from tests.builders import batch_of, brief, exact_rows
from tests.slow import first_quick
from tf_strattack.problem.goals.tolerance import bound, slopes_of_bound, tolerance_factor
from tf_strattack.transformations.randomness import mixed

SHIFT = sa.transformations.Shift(1)
QUICK = brief(15, epsilon=None, refine=False)


@pytest.fixture(scope="module")
def classifier():
    return sa.Classifier.from_callable(exact_rows())


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(5).uniform(size=(6, 6, 6, 1)).astype(np.float32)


@pytest.fixture(scope="module")
def labels(classifier, images):
    return classifier.classify(images)


def brighter(images, seeds):
    """A transformation of a caller's own: a factor for each image."""
    return images * sa.transformations.uniform(seeds, (1, 1, 1), 0.7, 1.0)


def test_the_margin_is_the_bound_of_the_samples_one_by_one(classifier, images, labels):
    goal = sa.Expectation(classifier, brighter, samples=6, seed=4).at(tf.constant(9))
    batch = batch_of(images)._replace(classes=tf.constant(labels))
    delta = tf.constant(np.random.default_rng(0).uniform(-0.1, 0.1, images.shape), tf.float32)
    samples = mixed(goal.seeds(batch.images, 1), tf.constant(9))
    found = np.zeros((6, 6))
    for row in range(6):
        for sample in range(6):
            shown = brighter(batch.images[row : row + 1] + delta[row : row + 1], mixed(samples[row : row + 1], sample))
            logits = classifier.logits(tf.clip_by_value(shown, 0.0, 1.0)).numpy()[0]
            found[row, sample] = logits[labels[row]] - np.delete(logits, labels[row]).max()
    deviation = found.std(axis=1, ddof=1)
    k = scipy.stats.nct.ppf(0.99, 5, scipy.stats.norm.ppf(0.9) * np.sqrt(6)) / np.sqrt(6)
    margins, gradient = goal.margin_and_gradient(batch, delta)
    np.testing.assert_allclose(margins, found.mean(axis=1) + k * deviation, rtol=1e-3, atol=1e-3)
    both, direction = goal.margin_and_cross_entropy_gradient(batch, delta)
    np.testing.assert_allclose(both, margins, rtol=1e-5)
    assert np.abs(direction).max() > 0
    # The gradient is that of the bound: by central differences along a direction.
    way = tf.constant(np.random.default_rng(1).normal(size=images.shape), tf.float32)
    step = 1e-3
    up, down = (goal.margin_and_gradient(batch, delta + side * step * way)[0] for side in (1, -1))
    slope = tf.reduce_sum(gradient * way, axis=[1, 2, 3])
    assert np.isclose(slope, (up - down) / (2 * step), rtol=0.1, atol=0.1).sum() >= 5  # but for a kink


def test_the_tolerance_bound_covers_the_share_that_it_says():
    rng = np.random.default_rng(0)
    margins = rng.normal(2.0, 3.0, size=(4000, 16))
    limits = bound(tf.constant(margins, tf.float32), tolerance_factor(16, 0.9)).numpy()
    covered = scipy.stats.norm.cdf(limits, 2.0, 3.0)
    assert 0.985 < (covered >= 0.9).mean() < 0.995
    weights = slopes_of_bound(tf.constant(margins, tf.float32), 2.0).numpy()
    np.testing.assert_allclose(weights.mean(axis=1), 1.0, atol=1e-4)


@pytest.mark.slow
def test_the_outcome_depends_on_the_example_alone_and_on_the_seed(classifier, images, labels):
    goal = sa.Expectation(classifier, SHIFT, samples=8, draws=10, threshold=0.7)
    together = QUICK(goal, images, labels)
    assert together.success.any()
    order = np.array([4, 2, 5, 0, 1, 3])
    mixed_up = QUICK(goal, images[order], labels[order])
    np.testing.assert_array_equal(mixed_up.adversarial, together.adversarial[order])
    np.testing.assert_array_equal(mixed_up.success, together.success[order])
    for rows in (slice(2, 3), slice(0, 4)):
        part = QUICK(goal, images[rows], labels[rows])
        np.testing.assert_array_equal(part.adversarial, together.adversarial[rows])
        np.testing.assert_array_equal(part.success, together.success[rows])
    streamed = QUICK(goal, images, labels, batch_size=2)
    np.testing.assert_array_equal(streamed.adversarial, together.adversarial)
    other = QUICK(dataclasses.replace(goal, seed=1), images, labels)
    assert (other.adversarial != together.adversarial).any()


@pytest.mark.slow
def test_success_is_the_share_of_fresh_draws(classifier, images, labels):
    goal = sa.Expectation(classifier, SHIFT, samples=8, draws=30)
    for targets in ((labels + 1) % 4, None):
        result = QUICK(goal, images, labels, targets)
        share = goal.share(result.adversarial, labels, targets)
        np.testing.assert_array_equal(result.success, share >= 0.9)
        np.testing.assert_array_equal(result.adversarial[~result.success], images[~result.success])
    assert result.forward_evaluations.min() >= 60  # the last check, and the look at the originals
    assert (result.gradient_evaluations % 8 == 0).all()
    # Each draw by itself: the share of some hundred draws is what the network says of shifted images.
    moved = [
        np.pad(images, [(0, 0), (1, 1), (1, 1), (0, 0)])[:, y : y + 6, x : x + 6] for y in range(3) for x in range(3)
    ]
    exact = np.mean([classifier.classify(part) != labels for part in moved], axis=0)
    many = dataclasses.replace(goal, draws=150).share(images, labels)
    assert np.abs(many - exact).max() < 0.15


@pytest.mark.parametrize(
    "attack",
    first_quick(
        [sa.FGM(), sa.CarliniWagnerL2(initial_c=1.0, search_steps=2, max_iterations=40), sa.PGD(epsilon=0.6, steps=9)]
    ),
    ids=lambda attack: attack.name,
)
def test_other_attacks_take_it_too(classifier, images, labels, attack):
    goal = sa.Expectation(classifier, sa.transformations.Noise(0.02), samples=4, draws=10, threshold=0.8)
    result = attack(goal, images, labels)
    np.testing.assert_array_equal(result.success, goal.share(result.adversarial, labels) >= 0.8)
    assert result.success.any()


@pytest.mark.slow
def test_refinement_quantization_and_several_take_it_too(classifier, images, labels):
    goal = sa.Expectation(sa.AllOf([classifier, classifier]), SHIFT, samples=8, draws=10, threshold=0.7)
    rough = QUICK(goal, images, labels)
    for finer in (
        sa.refine(goal, images, rough.adversarial, labels),
        sa.quantize(goal, images, rough.adversarial, labels),
    ):
        np.testing.assert_array_equal(finer.success, goal.share(finer.adversarial, labels) >= 0.7)
        assert finer.success.any()
    both = sa.AllOf([sa.Expectation(classifier, SHIFT, samples=4, draws=10, threshold=0.5), classifier])
    result = QUICK(both, images, labels)
    assert (classifier.classify(result.adversarial) != labels)[result.success].all()
    with pytest.raises(sa.InputError, match="expected a goal whose margin is the same at each evaluation"):
        sa.certificate(QUICK, goal, rough)


def test_a_network_that_is_random_itself(images):
    network = exact_rows()
    classifier = sa.Classifier.from_callable(
        lambda x: network(x) + 0.3 * tf.random.normal([tf.shape(x)[0], 4]), stochastic=True
    )
    labels = sa.Classifier.from_callable(network).classify(images)
    result = QUICK(sa.Expectation(classifier, draws=40), images, labels)
    assert result.success.any()
    # Its randomness has no seed: the margins of those that succeed are clear of it.
    shares = sa.Expectation(classifier, draws=100).share(result.adversarial, labels)
    assert (shares[result.success] > 0.75).all()
    with pytest.raises(sa.InputError, match="expected an Expectation over a network that is random"):
        QUICK(classifier, images, labels)
    with pytest.raises(sa.InputError, match="expected an Expectation over a network that is random"):
        QUICK(sa.AllOf([classifier, network_like(network)]), images, labels)
    unflagged = sa.Classifier.from_callable(lambda x: network(x) + tf.random.normal([tf.shape(x)[0], 4]))
    with pytest.raises(sa.InputError, match=r"load it with stochastic=True and attack sa\.Expectation"):
        QUICK(unflagged, images, labels)


def network_like(network):
    return sa.Classifier.from_callable(network)


def test_what_means_nothing_is_refused(classifier, images, labels):
    cases = {
        "received neither: pass transform=": lambda: sa.Expectation(classifier),
        "without an Expectation in it": lambda: sa.Expectation(sa.Expectation(classifier, SHIFT), SHIFT),
        "samples of at least 4": lambda: sa.Expectation(classifier, SHIFT, samples=2),
        "threshold to be a number above 0": lambda: sa.Expectation(classifier, SHIFT, threshold=0),
        "transform to be a function": lambda: sa.Expectation(classifier, "shift"),
        "a transform that keeps images": lambda: QUICK(
            sa.Expectation(classifier, lambda x, _: x[:, :5]), images, labels
        ),
        "received: no such luck": lambda: QUICK(sa.Expectation(classifier, fails), images, labels),
        "differentiable in the images": lambda: QUICK(
            sa.Expectation(classifier, lambda x, _: tf.stop_gradient(x)), images, labels
        ),
        "stochastic to be True or False": lambda: sa.Classifier.from_callable(exact_rows(), stochastic=1),
    }
    for message, call in cases.items():
        with pytest.raises(sa.InputError) as error:
            call()
        assert message in str(error.value)
        assert "\n" not in str(error.value)


def fails(images, seeds):
    raise ValueError("no such luck")


def test_a_transform_that_may_change_is_refused(classifier):
    @dataclasses.dataclass
    class Contrast:
        factor: float = 0.9

        def __call__(self, images, seeds):
            return self.factor * images

    with pytest.raises(sa.InputError, match=r"expected a transform that can be hashed, received .*frozen=True"):
        sa.Expectation(classifier, Contrast())
    sa.Expectation(classifier, lambda images, seeds: 0.9 * images)
