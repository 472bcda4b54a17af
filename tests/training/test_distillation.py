"""Soft labels."""

import itertools

import keras
import numpy as np
import scipy.special

from training.data import split_of
from training.distillation import soft_labels


def test_soft_labels_are_the_teacher_s_softmax_and_grow_in_entropy_with_the_temperature():
    rng = np.random.default_rng(0)
    teacher = keras.Sequential([keras.Input((4, 4, 1)), keras.layers.Flatten(), keras.layers.Dense(10)])
    teacher.set_weights([3 * rng.normal(size=(16, 10)), rng.normal(size=10)])
    images = rng.uniform(size=(700, 4, 4, 1)).astype(np.float32)
    split = split_of(images, np.zeros(700, int), num_classes=10)
    logits = teacher.predict_on_batch(images)
    entropies = []
    for temperature in (1.0, 10.0, 40.0, 100.0):
        soft = soft_labels(teacher, split, temperature)
        np.testing.assert_array_equal(soft.images, images)
        np.testing.assert_allclose(soft.probabilities.sum(axis=1), 1.0, atol=1e-5)
        expected = scipy.special.softmax(logits / temperature, axis=1)
        np.testing.assert_allclose(soft.probabilities, expected, atol=1e-5)
        entropies.append(scipy.special.entr(soft.probabilities.astype(np.float64)).sum(axis=1))
    for cooler, warmer in itertools.pairwise(entropies):
        assert (warmer > cooler).all()
