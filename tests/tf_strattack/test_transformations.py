"""Transformations against definitions written out, row by row."""

import numpy as np
import pytest
import scipy.fft
import scipy.stats
import tensorflow as tf

import tf_strattack as sa
from tf_strattack import transformations as t

KINDS = {
    "brightness": t.Brightness(0.2),
    "noise": t.Noise(0.1),
    "shift": t.Shift(2),
    "resize_pad": t.ResizePad(0.7),
    "jpeg": t.JpegLike(),
    "chain": t.Chain([t.Shift(1), t.Noise(0.1)]),
}


def seeds(rows, start=0):
    return np.arange(start, start + 2 * rows, dtype=np.int32).reshape(rows, 2)


@pytest.mark.parametrize("shape", [(28, 28, 1), (11, 9, 3), (5, 6, 2)])
@pytest.mark.parametrize("name", KINDS)
def test_rows_keep_their_shape_and_depend_on_their_own_seeds(name, shape):
    images = np.random.default_rng(0).uniform(size=(6, *shape)).astype(np.float32)
    whole = KINDS[name](tf.constant(images), seeds(6)).numpy()
    assert whole.shape == images.shape
    order = [3, 0, 5, 1, 2, 4]
    np.testing.assert_allclose(KINDS[name](tf.constant(images[order]), seeds(6)[order]), whole[order], atol=1e-6)
    same = KINDS[name](tf.constant(np.repeat(images[:1], 6, axis=0)), seeds(6)).numpy()
    assert len(np.unique(same.round(6), axis=0)) > 2
    with tf.GradientTape() as tape:
        given = tf.constant(images)
        tape.watch(given)
        total = tf.reduce_sum(KINDS[name](given, seeds(6)) ** 2)
    gradient = tape.gradient(total, given)
    assert np.isfinite(gradient).all()
    assert np.abs(gradient).max() > 0


def test_uniform_and_normal_numbers_are_what_they_say():
    drawn = t.uniform(seeds(400), (50,), -1.0, 3.0).numpy().ravel()
    assert drawn.min() >= -1.0
    assert drawn.max() < 3.0
    assert scipy.stats.kstest(drawn, "uniform", (-1.0, 4.0)).pvalue > 0.01
    assert scipy.stats.kstest(t.normal(seeds(400), (50,)).numpy().ravel(), "norm").pvalue > 0.01
    # Neighbouring seeds, and split ones, have nothing to do with each other.
    first, second = (t.uniform(part, (40,)).numpy() for part in t.split(seeds(200), 2))
    assert abs(np.corrcoef(first.ravel(), second.ravel())[0, 1]) < 0.04
    assert abs(np.corrcoef(first[:-1].ravel(), first[1:].ravel())[0, 1]) < 0.04


def test_shifts_are_whole_pixels_all_equally_likely():
    image = np.random.default_rng(1).uniform(0.1, 1.0, size=(7, 8, 2)).astype(np.float32)
    padded = np.pad(image, [(2, 2), (2, 2), (0, 0)])
    possible = {(y, x): padded[y : y + 7, x : x + 8] for y in range(5) for x in range(5)}
    counts = dict.fromkeys(possible, 0)
    for shifted in t.Shift(2)(tf.constant(np.repeat(image[None], 1000, axis=0)), seeds(1000)).numpy():
        counts[next(move for move, wanted in possible.items() if np.array_equal(wanted, shifted))] += 1
    assert scipy.stats.chisquare(list(counts.values())).pvalue > 0.01


def test_brightness_and_noise_add_what_they_say():
    images = np.full((500, 4, 4, 1), 0.5, np.float32)
    added = t.Brightness(0.2)(images, seeds(500)).numpy() - images
    assert np.ptp(added, axis=(1, 2, 3)).max() < 1e-6
    assert np.abs(added).max() <= 0.2
    noise = t.Noise(0.1)(images, seeds(500)).numpy() - images
    assert noise.std() == pytest.approx(0.1, rel=0.05)


def test_resizing_keeps_the_image_whole_and_black_around_it():
    images = np.ones((50, 20, 16, 1), np.float32)
    smaller = t.ResizePad(0.5)(tf.constant(images), seeds(50)).numpy()
    assert smaller.min() == 0.0
    areas = smaller.mean(axis=(1, 2, 3))
    assert 0.2 < areas.min() < areas.max() <= 1.0
    np.testing.assert_allclose(t.ResizePad(1.0)(tf.constant(images), seeds(50)), images, atol=1e-5)


def test_jpeg_rounds_the_cosines_of_blocks():
    image = np.random.default_rng(0).uniform(size=(1, 16, 24, 1)).astype(np.float32)
    found = t.JpegLike(75, 75)(tf.constant(image), seeds(1)).numpy()[0, :, :, 0]
    first = np.array([16, 11, 10, 16, 24, 40, 51, 61])  # of the standard's table
    for y, x in ((0, 0), (8, 16)):
        block = scipy.fft.dctn(found[y : y + 8, x : x + 8] * 255.0 - 128.0, norm="ortho")
        steps = np.round(first * 0.5)
        np.testing.assert_allclose(block[0] / steps, np.round(block[0] / steps), atol=2e-3)
        original = scipy.fft.dctn(image[0, y : y + 8, x : x + 8, 0] * 255.0 - 128.0, norm="ortho")
        assert (np.abs(block[0] - original[0]) <= steps / 2 + 1e-2).all()
    assert np.abs(t.JpegLike(100, 100)(tf.constant(image), seeds(1)).numpy() - image).max() < 0.02
    coarse, fine = (np.abs(t.JpegLike(q, q)(tf.constant(image), seeds(1)).numpy() - image).mean() for q in (10, 90))
    assert coarse > 2 * fine


def test_numbers_out_of_range_are_refused():
    for make in (
        lambda: t.Brightness(0),
        lambda: t.Noise(2),
        lambda: t.Shift(0.5),
        lambda: t.ResizePad(0),
        lambda: t.JpegLike(90, 60),
        lambda: t.JpegLike(0, 60),
        lambda: t.Chain([]),
        lambda: t.Chain([3]),
    ):
        with pytest.raises(sa.InputError, match="expected"):
            make()
