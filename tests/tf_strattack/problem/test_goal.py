"""The goal is a seam: an attack takes any, and asks nothing else of the network."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

import tf_strattack as sa
from tests.builders import batch_of, brief, exact_rows
from tests.slow import first_quick
from tf_strattack.problem.goals.base import Goal


@dataclasses.dataclass(frozen=True)
class Both(Goal):
    """Both of two networks are fooled; the margin is the larger."""

    classifier: sa.Classifier
    first: Goal
    second: Goal

    @classmethod
    def of(cls, first, second):
        return cls(first, sa.Misclassify(first), sa.Misclassify(second))

    def aimed(self, targeted):
        return dataclasses.replace(self, first=self.first.aimed(targeted), second=self.second.aimed(targeted))

    def verify(self, images, classes, **options):
        return self.first.verify(images, classes, **options) & self.second.verify(images, classes, **options)

    @property
    def passes(self):
        return self.first.passes + self.second.passes

    @property
    def key(self):
        return Both, self.first, self.second

    @property
    def resolution(self):
        return max(self.first.resolution, self.second.resolution)

    def margin(self, batch):
        return tf.maximum(self.first.margin(batch), self.second.margin(batch))

    def margin_and_gradient(self, batch, delta):
        (one, towards), (other, sideways) = (
            goal.margin_and_gradient(batch, delta) for goal in (self.first, self.second)
        )
        return tf.maximum(one, other), tf.where((one >= other)[:, None, None, None], towards, sideways)

    def cross_entropy_gradient(self, batch, delta):
        return self.first.cross_entropy_gradient(batch, delta) + self.second.cross_entropy_gradient(batch, delta)

    def valid_margin(self, batch, delta):
        return tf.maximum(self.first.valid_margin(batch, delta), self.second.valid_margin(batch, delta))


@pytest.fixture(scope="module")
def two():
    """Two networks, and images that both give the same class."""
    networks = [sa.Classifier.from_callable(exact_rows(seed=seed)) for seed in (0, 1)]
    images = np.random.default_rng(3).uniform(size=(200, 6, 6, 1)).astype(np.float32)
    labels, others = (network.classify(images) for network in networks)
    agreed = np.flatnonzero(labels == others)[:12]
    assert len(agreed) == 12
    return *networks, images[agreed], labels[agreed]


@pytest.mark.parametrize(
    "attack",
    [
        sa.StrAttack(epsilon=None),
        pytest.param(sa.StrAttack(solver="admm"), marks=pytest.mark.slow),
        pytest.param(sa.CarliniWagnerL2(initial_c=1.0, search_steps=3), marks=pytest.mark.slow),
    ],
    ids=["default", "admm", "cw_l2"],
)
def test_a_goal_of_two_networks_is_reached_in_both(two, attack):
    first, second, images, labels = two
    result = attack(Both.of(first, second), images, labels)
    assert result.success.mean() > 0.5
    for network in (first, second):
        assert (network.classify(result.adversarial) != labels)[result.success].all()
    np.testing.assert_array_equal(result.adversarial[~result.success], images[~result.success])
    # One network alone is fooled by less, and the other often is not.
    alone = attack(first, images, labels)
    both = result.success & alone.success
    assert sa.metrics.l2(alone.delta[both]).mean() < sa.metrics.l2(result.delta[both]).mean()
    assert (second.classify(alone.adversarial) == labels)[alone.success].any()


@pytest.mark.parametrize("loss", ["cross_entropy", "margin"])
def test_pgd_takes_a_goal_and_counts_the_passes_of_its_margin(two, loss):
    first, second, images, labels = two
    result = sa.PGD(epsilon=0.6, steps=9, restarts=0, loss=loss)(Both.of(first, second), images, labels)
    assert result.success.sum() > 3
    for network in (first, second):
        assert (network.classify(result.adversarial) != labels)[result.success].all()
    # This goal has no cross-entropy and margin from one pass.
    extra = result.gradient_evaluations if loss == "cross_entropy" else 0
    np.testing.assert_array_equal(result.forward_evaluations, 4 + extra)


def test_margin_and_cross_entropy_from_one_pass_are_those_of_two(exact):
    classifier, images, labels, targets = exact
    for goal, classes in ((sa.Misclassify(classifier), labels), (sa.Misclassify(classifier, True), targets)):
        batch = batch_of(images)._replace(classes=tf.constant(classes, tf.int32))
        delta = tf.constant(np.random.default_rng(0).uniform(-0.1, 0.1, images.shape), tf.float32)
        margins, gradient = goal.margin_and_cross_entropy_gradient(batch, delta)
        np.testing.assert_array_equal(margins, goal.margin_and_gradient(batch, delta)[0])
        np.testing.assert_array_equal(gradient, goal.cross_entropy_gradient(batch, delta))


def test_refinement_and_quantization_take_a_goal_too(two):
    first, second, images, labels = two
    goal = Both.of(first, second)
    rough = sa.StrAttack(epsilon=None, refine=False)(goal, images, labels)
    for finer in (
        sa.refine(goal, images, rough.adversarial, labels),
        sa.quantize(goal, images, rough.adversarial, labels),
    ):
        assert finer.success.sum() >= 0.8 * rough.success.sum()
        for network in (first, second):
            originals = network.classify(finer.images)
            assert (network.classify(finer.adversarial) != labels)[finer.success & (originals == labels)].all()


def test_the_goal_of_a_classifier_is_what_the_classifier_itself_gives(exact):
    classifier, images, labels, targets = exact
    for classes in (targets, None):
        plain = sa.StrAttack()(classifier, images, labels, classes)
        goal = sa.StrAttack()(sa.Misclassify(classifier), images, labels, classes)
        np.testing.assert_array_equal(plain.adversarial, goal.adversarial)
        np.testing.assert_array_equal(plain.success, goal.success)


@pytest.mark.parametrize("scale", first_quick([1e-7, 1e-3]))
def test_the_scale_of_the_logits_does_not_matter(exact, scale):
    _, images, labels, targets = exact
    network, found = exact_rows(), []
    for factor in (1.0, scale):
        classifier = sa.Classifier.from_callable(lambda x, factor=factor: factor * network(x))
        result = brief(30, epsilon=None, refining=10, fallback=None)(classifier, images, labels, targets)
        stored = sa.quantize(classifier, images, result.adversarial, labels, targets)
        assert classifier.fooled_by(result.adversarial, labels, targets)[result.success].all()
        found.append((result, stored))
        assert classifier.unit == (1.0 if factor == 1.0 else pytest.approx(scale, rel=10))
    (plain, plain_stored), (tiny, tiny_stored) = found
    assert (tiny.success == plain.success).mean() > 0.9
    both = tiny.success & plain.success
    distances = [sa.metrics.l2(result.delta)[both].mean() for result in (tiny, plain)]
    np.testing.assert_allclose(*distances, rtol=0.05)
    assert tiny_stored.success.sum() >= plain_stored.success.sum() - 3
