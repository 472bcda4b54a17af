"""Batches of an epoch: every image once, in an order that seed and epoch decide."""

import numpy as np
import pytest
import tensorflow as tf

from training.data import Split, batches_in_order, shift_and_flip, split_of, training_batches

NUMBER = 50


@pytest.fixture(scope="module")
def split():
    """Images with their own number in every pixel."""
    images = np.broadcast_to(np.arange(NUMBER, dtype=np.float32)[:, None, None, None], (NUMBER, 9, 7, 2)) / NUMBER
    return split_of(images, np.arange(NUMBER) % 10, num_classes=10)


def epoch_of(split, number, *, seed=0, augment=False):
    epoch = tf.Variable(number)
    batches = training_batches(split, epoch=epoch, batch_size=16, seed=seed, augment=augment)
    assert int(batches.cardinality()) == 4
    images, probabilities = (np.concatenate(part) for part in zip(*batches.as_numpy_iterator(), strict=True))
    return images, probabilities


def test_an_epoch_holds_every_image_once_with_its_label(split):
    images, probabilities = epoch_of(split, 0)
    numbers = np.rint(images[:, 0, 0, 0] * NUMBER).astype(int)
    assert sorted(numbers) == list(range(NUMBER))
    assert list(numbers) != sorted(numbers)
    np.testing.assert_array_equal(probabilities.argmax(axis=1), numbers % 10)


@pytest.mark.parametrize("augment", [False, True])
def test_the_epoch_and_the_seed_decide_the_order_and_nothing_else_does(split, augment):
    first, again = (epoch_of(split, 3, augment=augment)[0] for _ in range(2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, epoch_of(split, 4, augment=augment)[0])
    assert not np.array_equal(first, epoch_of(split, 3, seed=1, augment=augment)[0])


def test_the_same_pipeline_continues_with_the_epoch_s_variable(split):
    epoch = tf.Variable(0)
    batches = training_batches(split, epoch=epoch, batch_size=16, seed=0, augment=False)
    for number in range(3):
        epoch.assign(number)
        images = np.concatenate([images for images, _ in batches.as_numpy_iterator()])
        np.testing.assert_array_equal(images, epoch_of(split, number)[0])


def test_shifts_and_flips_are_those_of_a_plain_loop():
    images = np.random.default_rng(0).uniform(size=(200, 6, 5, 3)).astype(np.float32)
    changed = shift_and_flip(tf.constant(images), tf.constant([1, 2])).numpy()
    padded = np.pad(images, ((0, 0), (4, 4), (4, 4), (0, 0)))
    found = []
    for row, image in enumerate(changed):
        matches = [
            (down, right, flip)
            for down in range(9)
            for right in range(9)
            for flip in (False, True)
            if np.array_equal(image, padded[row, down : down + 6, right : right + 5][:, :: -1 if flip else 1])
        ]
        assert matches, row
        found.append(matches[0])
    assert {down for down, _, _ in found} == {right for _, right, _ in found} == set(range(9))
    assert 0.3 < np.mean([flip for _, _, flip in found]) < 0.7


def test_uint8_is_scaled_and_the_test_order_kept():
    images = np.arange(3 * 4, dtype=np.uint8).reshape(3, 2, 2, 1) * 20
    split = split_of(list(images), [2, 0, 1], num_classes=3)
    assert isinstance(split, Split)
    (only,) = batches_in_order(split)
    np.testing.assert_allclose(only[0], images / 255.0, rtol=1e-6)
    np.testing.assert_array_equal(only[1], np.eye(3)[[2, 0, 1]])
