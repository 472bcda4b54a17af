"""The inner attack of adversarial training on networks whose worst case is known."""

import keras
import numpy as np
import pytest
import tensorflow as tf

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


def attacked(attack, network, images, labels, **options):
    probabilities = tf.constant(np.eye(10 if network.output_shape[1] == 10 else 2, dtype=np.float32)[labels])
    return attack(network, tf.constant(images), probabilities, seed=tf.constant([0, 1]), **options).numpy()


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


def test_the_start_depends_on_the_seed_and_steps_have_their_size(linear):
    network, _ = linear
    images = np.full((1, 3, 3, 1), 0.5, np.float32)
    probabilities = tf.constant([[1.0, 0.0]])
    attack = PGD(0.3, 1, 0.01)
    starts = [attack(network, tf.constant(images), probabilities, seed=tf.constant([0, n])).numpy() for n in (0, 0, 1)]
    np.testing.assert_array_equal(starts[0], starts[1])
    assert np.abs(starts[0] - starts[2]).max() > 0.02


def test_accuracy_under_attack_counts_what_survives_every_restart(linear):
    network, weights = linear
    # Along sign(w), the margin of class 0 is 2 |w|_1 times the offset: an image survives a smaller radius alone.
    direction = np.sign(weights).reshape(3, 3, 1).astype(np.float32)
    center = 0.5 - direction * (weights.sum() * 0.5 / np.abs(weights).sum())  # logits 0
    images = np.stack([center + offset * direction for offset in (0.05, 0.15, -0.05)])
    split = split_of(images, [0, 0, 0], num_classes=2)
    assert pgd_accuracy(network, split, PGD(0.1, 10), restarts=2, seed=0, batch_size=2) == pytest.approx(1 / 3)
    assert pgd_accuracy(network, split, PGD(0.02, 10), restarts=2, seed=0) == pytest.approx(2 / 3)


def test_training_steps_warm_up_and_are_taken_on_examples_in_the_ball():
    seen = []

    class Recorded(PGD):
        def __call__(self, network, images, probabilities, **options):
            adversarial = super().__call__(network, images, probabilities, **options)
            seen.append((images.numpy(), adversarial.numpy(), float(options["share"])))
            return adversarial

    network = mnist_cnn()
    model = PGDTraining(network, Recorded(0.3, 2), warmup_steps=4, seed=0)
    model.compile(keras.optimizers.SGD(0.1), keras.losses.CategoricalCrossentropy(from_logits=True), run_eagerly=True)
    before = network.get_weights()
    images = np.random.default_rng(0).uniform(size=(96, 28, 28, 1)).astype(np.float32)
    model.fit(images, np.eye(10, dtype=np.float32)[np.arange(96) % 10], batch_size=16, verbose=0)
    assert [share for _, _, share in seen] == [0.25, 0.5, 0.75, 1.0, 1.0, 1.0]
    for images, adversarial, share in seen:
        assert 0 < np.abs(adversarial - images).max() <= 0.3 * share + 1e-6
    assert any(not np.array_equal(old, new) for old, new in zip(before, network.get_weights(), strict=True))
