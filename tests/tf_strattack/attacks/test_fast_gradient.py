"""FGM and IFGM against their definition, written out with loops, and against a fine search."""

import numpy as np
import pytest
import tensorflow as tf

import tf_strattack as sa
from tests.slow import first_quick
from tf_strattack.attacks.fast_gradient import NORMS
from tf_strattack.losses import soft_margin


def cross_entropy_direction(model, image, cls, norm, targeted):
    """The direction of one step, from TensorFlow's own cross-entropy in float64."""
    x = tf.constant(image[None].astype(np.float64))
    with tf.GradientTape() as tape:
        tape.watch(x)
        loss = tf.nn.sparse_softmax_cross_entropy_with_logits([cls], model(x))[0]
    gradient = tape.gradient(loss, x).numpy()[0] * (1 if targeted else -1)
    size = {"l1": np.abs(gradient).sum(), "l2": np.linalg.norm(gradient), "linf": 1.0}[norm]
    return (np.sign(gradient) if norm == "linf" else gradient) / size


@pytest.fixture(scope="module")
def smooth():
    """A small network with a kink in it, in either precision, and ten images of it with label and runner-up."""
    rng = np.random.default_rng(0)
    first, second = rng.normal(size=(25, 12)) * 0.6, rng.normal(size=(12, 4))

    def model(x):
        hidden = tf.nn.relu(tf.reshape(x - 0.5, [-1, 25]) @ tf.constant(first, x.dtype))
        return hidden @ tf.constant(second, x.dtype)

    classifier = sa.Classifier.from_callable(model)
    images = rng.uniform(size=(10, 5, 5, 1)).astype(np.float32)
    order = classifier.predict(images).argsort(axis=1)
    return model, classifier, images, order[:, -1], order[:, -2]


@pytest.mark.parametrize("targeted", first_quick([True, False]))
@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("steps", first_quick([1, 10]))
def test_the_result_is_the_definition_at_its_size_and_the_size_is_the_least(smooth, norm, steps, targeted):
    model, classifier, images, labels, targets = smooth
    classes = targets if targeted else labels
    attack = sa.FGM(norm=norm) if steps == 1 else sa.IFGM(norm=norm)
    result = attack(classifier, images, labels, classes if targeted else None)

    def perturbed(image, cls, size):
        x = image.astype(np.float64)
        for _ in range(steps):
            x = np.clip(x - size / steps * cross_entropy_direction(model, x, cls, norm, targeted), 0, 1)
        return x

    def fools(x, cls):
        return (model(tf.constant(x[None])).numpy().argmax() == cls) == targeted

    assert result.success.mean() > 0.5
    for row in np.flatnonzero(result.success):
        expected = perturbed(images[row], classes[row], result.c[row])
        np.testing.assert_allclose(result.adversarial[row], expected, atol=2e-4)
    for row in range(len(images) if steps == 1 else 3):
        largest = result.c[row] if result.success[row] else 25.0
        below = largest * np.linspace(0.0, 0.97, 60)
        seen = [fools(perturbed(images[row], classes[row], size), classes[row]) for size in below]
        # What the coarse grid can step over is narrower than its quarter.
        assert np.mean(seen) < 0.15


def test_the_least_size_of_a_linear_network_is_exact_to_the_grid():
    rng = np.random.default_rng(1)
    weights = rng.normal(size=(2, 16)).astype(np.float32)
    classifier = sa.Classifier.from_callable(lambda x: tf.reshape(x, [-1, 16]) @ weights.T)
    images = rng.uniform(0.45, 0.55, size=(8, 4, 4, 1)).astype(np.float32)
    logits = classifier.predict(images)
    labels = logits.argmax(axis=1)
    lead = np.abs(logits[:, 0] - logits[:, 1])
    row = weights[0] - weights[1]
    for norm, per_size in (
        ("l1", row @ row / np.abs(row).sum()),
        ("l2", np.linalg.norm(row)),
        ("linf", np.abs(row).sum()),
    ):
        for attack in (sa.FGM(norm=norm, grid_ratio=1.005), sa.IFGM(norm=norm, steps=4, grid_ratio=1.005)):
            result = attack(classifier, images, labels, 1 - labels)
            assert result.success.all()
            ratio = result.c / (lead / per_size)
            assert (ratio >= 1 - 1e-3).all()
            assert (ratio <= 1.01).all()


def test_the_soft_margin_points_where_the_cross_entropy_points_and_does_not_underflow():
    logits = tf.constant([[2.0, 1.0, -1.0], [300.0, 0.0, 1.0]])
    for targeted, classes in ((True, [1, 1]), (False, [0, 0])):
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(logits)
            soft = soft_margin(logits, tf.constant(classes), targeted)
            cross = tf.nn.sparse_softmax_cross_entropy_with_logits(classes, logits)
        ours, theirs = tape.gradient(soft, logits).numpy(), tape.gradient(cross, logits).numpy()
        theirs = theirs if targeted else -theirs
        np.testing.assert_allclose(ours[0] / np.linalg.norm(ours[0]), theirs[0] / np.linalg.norm(theirs[0]), atol=1e-6)
        assert np.linalg.norm(ours[1]) > 0.5
        assert targeted or not theirs[1].any(), "the cross-entropy itself is flat there"


def test_evaluations_are_counted_as_they_are_made(smooth):
    _, classifier, images, labels, _ = smooth
    one = sa.FGM(norm="l2")(classifier, images, labels)
    ten = sa.IFGM(norm="l2")(classifier, images, labels)
    assert (one.gradient_evaluations == 1).all()
    # Nine gradients and a test at each grid point; beyond those the first gradient, and three passes of every attack.
    np.testing.assert_array_equal(ten.gradient_evaluations - 1, 9 * (ten.forward_evaluations - 3))
    for result, attack in ((one, sa.FGM()), (ten, sa.IFGM())):
        assert (result.forward_evaluations > 3).all()
        assert (result.forward_evaluations <= 3 + attack.iterations()).all()


def test_an_image_that_fools_the_network_already_is_left_as_it_is(smooth):
    _, classifier, images, labels, targets = smooth
    for attack in (sa.FGM(norm="l2"), sa.IFGM()):
        result = attack(classifier, images, targets, labels)  # towards the class that the network sees
        assert result.success.all()
        np.testing.assert_array_equal(result.adversarial, images)
        assert not result.c.any()


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: sa.FGM(norm="l3"), "expected norm to be one of l1, l2, linf, received 'l3'"),
        (lambda: sa.IFGM(steps=0), "expected steps to be a whole number of at least 1, received 0"),
        (lambda: sa.FGM(grid_ratio=1.0), "expected grid_ratio to be a number above 1 and at most 1.25, received 1.0"),
        (lambda: sa.FGM(grid_ratio=2), "expected grid_ratio to be a number above 1 and at most 1.25, received 2"),
    ],
)
def test_wrong_hyper_parameters_are_refused(make, message):
    with pytest.raises(sa.InputError) as error:
        make()
    assert str(error.value) == message
