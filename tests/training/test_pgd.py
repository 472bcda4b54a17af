"""The inner attack of adversarial training on networks whose worst case is known."""

import keras
import numpy as np
import pytest
import scipy.special
import tensorflow as tf

from tests.programs import run_code
from training.data import split_of
from training.nets import mnist_cnn
from training.pgd import PGD, PGDTraining, pgd_accuracy


@pytest.fixture
def linear():
    """Two classes, logits +-w.x: the worst perturbation of class 0 is -epsilon sign(w)."""
    network = keras.Sequential([keras.Input((3, 3, 1)), keras.layers.Flatten(), keras.layers.Dense(2)])
    weights = np.random.default_rng(0).normal(size=9).astype(np.float32)
    network.set_weights([np.stack([weights, -weights], axis=1), np.zeros(2, np.float32)])
    return network, weights


def attacked(attack, network, images, labels, *, seed=1, **options):
    probabilities = tf.constant(np.eye(network.output_shape[1], dtype=np.float32)[labels])
    return attack(network, tf.constant(images), probabilities, seed=tf.constant([0, seed]), **options).numpy()


@pytest.mark.parametrize("share", [1.0, 0.25])
def test_examples_stay_in_the_ball_and_in_the_pixel_range(share):
    images = np.random.default_rng(1).uniform(size=(8, 28, 28, 1)).astype(np.float32)
    images[0], images[1] = 0, 1
    found = attacked(PGD(0.2, 5), mnist_cnn(), images, np.arange(8), share=share)
    assert np.abs(found - images).max() <= share * 0.2 + 1e-6
    assert np.abs(found - images).max() >= share * 0.2 - 1e-6
    assert found.min() >= 0
    assert found.max() <= 1


def test_on_a_linear_network_it_finds_the_worst_corner(linear):
    network, weights = linear
    images = np.full((1, 3, 3, 1), 0.5, np.float32)
    found = attacked(PGD(0.1, 10), network, images, [0])
    np.testing.assert_allclose(found.ravel(), 0.5 - 0.1 * np.sign(weights), atol=1e-6)


def test_the_steps_of_the_library_are_those_of_a_loop_to_the_last_bit():
    network, images = mnist_cnn(), np.random.default_rng(1).uniform(size=(6, 28, 28, 1)).astype(np.float32)
    images[0], images[1] = 0, 1
    probabilities = tf.constant(np.eye(10, dtype=np.float32)[np.arange(6)])
    for attack, share in ((PGD(0.3, 4), tf.constant(1.0)), (PGD(0.2, 3, 0.05), tf.constant(0.4))):
        radius = share * attack.epsilon
        size = radius * (2.5 / attack.steps if attack.step_size is None else attack.step_size / attack.epsilon)
        low, high = tf.maximum(images - radius, 0.0), tf.minimum(images + radius, 1.0)
        points = images + radius * tf.random.stateless_uniform(images.shape, tf.constant([0, 1]), -1.0, 1.0)
        points = tf.clip_by_value(points, low, high)
        for _ in range(attack.steps):
            with tf.GradientTape() as tape:
                tape.watch(points)
                logits = network(points, training=False)
                loss = keras.losses.categorical_crossentropy(probabilities, logits, from_logits=True)
            points = tf.clip_by_value(points + size * tf.sign(tape.gradient(loss, points)), low, high)
        found = attacked(attack, network, images, np.arange(6), share=share)
        np.testing.assert_array_equal(found, points)


def test_the_start_depends_on_the_seed_and_steps_have_their_size(linear):
    network, weights = linear
    images = np.full((1, 3, 3, 1), 0.5, np.float32)
    # So short a step, that what it leads to is the start.
    starts = [attacked(PGD(0.3, 1, 1e-9), network, images, [0], seed=seed) for seed in (0, 0, 1)]
    np.testing.assert_array_equal(starts[0], starts[1])
    assert np.abs(starts[0] - starts[2]).max() > 0.02
    for steps in (1, 3):
        moved = attacked(PGD(0.3, steps, 0.01), network, images, [0], seed=0)
        expected = np.clip(starts[0].ravel() - steps * 0.01 * np.sign(weights), 0.2, 0.8)
        np.testing.assert_allclose(moved.ravel(), expected, atol=1e-6)


def test_accuracy_under_attack_counts_what_survives_every_restart(linear):
    network, weights = linear
    # Along sign(w), the margin of class 0 is 2 |w|_1 times the offset: an image survives a smaller radius alone.
    direction = np.sign(weights).reshape(3, 3, 1).astype(np.float32)
    center = 0.5 - direction * (weights.sum() * 0.5 / np.abs(weights).sum())  # logits 0
    images = np.stack([center + offset * direction for offset in (0.05, 0.15, -0.05)])
    split = split_of(images, [0, 0, 0], num_classes=2)
    assert pgd_accuracy(network, split, PGD(0.1, 10), restarts=2, seed=0, batch_size=2) == pytest.approx(1 / 3)
    assert pgd_accuracy(network, split, PGD(0.02, 10), restarts=2, seed=0) == pytest.approx(2 / 3)


def test_one_restart_that_succeeds_is_enough_and_a_clean_mistake_counts(linear):
    network, weights = linear
    direction = np.sign(weights).reshape(3, 3, 1).astype(np.float32)
    right, wrong = (np.full((3, 3, 1), 0.5, np.float32) + sign * 0.4 * direction for sign in (1, -1))
    assert list(network.predict_on_batch(np.stack([right, wrong])).argmax(axis=1)) == [0, 1]

    def one_row_a_seed(network, images, probabilities, seed):
        """Flips row 0 with the first seed and row 1 with the second; corrects row 3, which is wrong at first."""
        turned = tf.one_hot(seed[0], 4)[:, None, None, None]
        mended = tf.one_hot(3, 4)[:, None, None, None]
        return images * (1 - turned - mended) + turned * wrong + mended * right

    split = split_of(np.stack([right, right, right, wrong]), [0, 0, 0, 0], num_classes=2)
    assert pgd_accuracy(network, split, one_row_a_seed, restarts=1, seed=0) == 2 / 4
    assert pgd_accuracy(network, split, one_row_a_seed, restarts=2, seed=0) == 1 / 4
    assert pgd_accuracy(network, split, one_row_a_seed, restarts=1, seed=2) == 2 / 4


def test_training_takes_its_steps_on_examples_in_the_ball_that_grows(linear):
    network, _ = linear
    seen = []

    class Recorded(PGD):
        def __call__(self, network, images, probabilities, **options):
            adversarial = super().__call__(network, images, probabilities, **options)
            seen.append((images.numpy(), adversarial.numpy(), probabilities.numpy(), float(options["share"])))
            return adversarial

    kernel, bias = (part.astype(np.float64) for part in network.get_weights())
    model = PGDTraining(network, Recorded(0.3, 2), warmup_steps=4, seed=0)
    model.compile(keras.optimizers.SGD(0.1), keras.losses.CategoricalCrossentropy(from_logits=True), run_eagerly=True)
    images = np.random.default_rng(0).uniform(size=(96, 3, 3, 1)).astype(np.float32)
    model.fit(images, np.eye(2, dtype=np.float32)[np.arange(96) % 2], batch_size=16, verbose=0)
    assert [share for *_, share in seen] == [0.25, 0.5, 0.75, 1.0, 1.0, 1.0]
    for images, adversarial, probabilities, share in seen:
        assert 0 < np.abs(adversarial - images).max() <= 0.3 * share + 1e-6
        # Gradient descent on the cross-entropy of the examples, by hand.
        inputs = adversarial.reshape(len(adversarial), -1).astype(np.float64)
        error = (scipy.special.softmax(inputs @ kernel + bias, axis=1) - probabilities) / len(inputs)
        kernel, bias = kernel - 0.1 * inputs.T @ error, bias - 0.1 * error.sum(axis=0)
    np.testing.assert_allclose(network.get_weights()[0], kernel, atol=1e-5)
    np.testing.assert_allclose(network.get_weights()[1], bias, atol=1e-5)


RADIUS = """
import sys
from absl import flags
from training import flags as of_training

flags.FLAGS(["program", f"--epsilon={sys.argv[1]}"])
print(flags.FLAGS[of_training.EPSILON.name].serialize())
"""


def test_a_radius_can_be_recorded_as_it_was_given():
    for given, recorded in (("0.3", "--epsilon=0.3"), ("8/255", f"--epsilon={8 / 255}")):
        status, out, err = run_code(RADIUS, given)  # in a process of its own: programs share names of flags
        assert status == 0, err
        assert out.strip() == recorded
