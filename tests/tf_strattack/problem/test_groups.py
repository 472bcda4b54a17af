"""Groups against loops over the mask's positions."""

import dataclasses
import math

import numpy as np
import pytest
import tensorflow as tf

import tf_strattack as sa
from tests.slow import first_quick
from tf_strattack.problem.proximal import group_l2_scale

MASKS = [(2, 2), (3, 2), (3, 1), (13, 13), (5, 3)]
SIDES = [(13, 13), (28, 28), (17, 14), (26, 13), (15, 27)]


def windows(height, width, size, stride, border):
    """The row and column slices of every group, by the definition."""

    def starts(extent):
        whole = (extent - size) / stride
        count = (math.ceil(whole) if border == "cover" else math.floor(whole)) + 1
        return [slice(i * stride, min(i * stride + size, extent)) for i in range(count)]

    return [(rows, columns) for rows in starts(height) for columns in starts(width)]


@pytest.mark.parametrize("border", ["cover", "drop"])
@pytest.mark.parametrize(("size", "stride"), MASKS)
@pytest.mark.parametrize(("height", "width"), SIDES)
def test_norms_and_multiplicity_equal_a_loop(height, width, size, stride, border):
    groups = sa.SlidingMask(size, stride, border).of(height, width)
    image = np.random.default_rng(0).normal(size=(2, height, width, 3)).astype(np.float32)
    slices = windows(height, width, size, stride, border)
    assert groups.number == len(slices)
    expected = np.array([[np.linalg.norm(x[rows, columns]) for rows, columns in slices] for x in image])
    norms = groups.norms(groups.gather(image)).numpy().reshape(2, -1)
    np.testing.assert_allclose(norms, expected, rtol=1e-5)
    counts = np.zeros((height, width))
    for rows, columns in slices:
        counts[rows, columns] += 1
    np.testing.assert_array_equal(groups.multiplicity[0, :, :, 0], counts)
    if border == "cover":
        assert counts.min() >= 1


@pytest.mark.parametrize("border", ["cover", "drop"])
@pytest.mark.parametrize(("size", "stride"), MASKS)
@pytest.mark.parametrize(("height", "width"), SIDES)
def test_soft_threshold_equals_a_loop(height, width, size, stride, border):
    groups = sa.SlidingMask(size, stride, border).of(height, width)
    image = np.random.default_rng(1).normal(size=(1, height, width, 2)).astype(np.float32)
    threshold = 1.2 * size
    copies = groups.gather(image)
    shrunk = groups.spread(group_l2_scale(groups.norms(copies), tf.constant(threshold, tf.float32))) * copies
    expected = np.zeros_like(image)
    for rows, columns in windows(height, width, size, stride, border):
        part = image[:, rows, columns]
        expected[:, rows, columns] += max(0, 1 - threshold / np.linalg.norm(part)) * part
    np.testing.assert_allclose(groups.scatter(shrunk).numpy(), expected, atol=1e-4)


@pytest.mark.parametrize(("size", "stride"), MASKS)
def test_scatter_is_the_adjoint_of_gather(size, stride):
    groups = sa.SlidingMask(size, stride).of(17, 14)
    rng = np.random.default_rng(2)
    image = tf.constant(rng.normal(size=(1, 17, 14, 3)))
    copies = tf.constant(rng.normal(size=groups.gather(image).shape))
    left = tf.reduce_sum(groups.gather(image) * copies).numpy()
    right = tf.reduce_sum(image * groups.scatter(copies)).numpy()
    assert left == pytest.approx(right)


@pytest.mark.parametrize("border", ["cover", "drop"])
@pytest.mark.parametrize(("size", "stride"), MASKS)
@pytest.mark.parametrize(("height", "width"), SIDES)
def test_totals_and_their_adjoint_equal_those_of_the_copies(height, width, size, stride, border):
    groups = sa.SlidingMask(size, stride, border).of(height, width)
    rng = np.random.default_rng(2)
    image = rng.normal(size=(2, height, width, 3)).astype(np.float32)
    total = groups.total(tf.constant(image**2))
    np.testing.assert_allclose(total, groups.norms(groups.gather(image)) ** 2, rtol=1e-4)
    values = rng.normal(size=(2, *groups.shape)).astype(np.float32)
    expected = groups.scatter(groups.spread(tf.constant(values)))
    np.testing.assert_allclose(groups.expand(tf.constant(values), 3), np.repeat(expected, 3, axis=3), atol=1e-5)


def test_a_budget_keeps_the_groups_of_largest_norm_and_of_equal_ones_the_first():
    groups = sa.SlidingMask(2).of(4, 6)
    norms = tf.constant([[[3.0, 1.0, 2.0], [2.0, 5.0, 0.0]], [[1.0, 1.0, 1.0], [1.0, 1.0, 1.0]]])
    scale = tf.constant([[[0.5, 0.5, 0.5], [0.5, 0.0, 0.0]], [[0.9, 0.9, 0.9], [0.9, 0.9, 0.9]]])
    kept = groups.limit(scale, norms, tf.constant(2)).numpy()
    np.testing.assert_allclose(kept[0], [[0.5, 0.0, 0.5], [0.0, 0.0, 0.0]])
    np.testing.assert_allclose(kept[1], [[0.9, 0.9, 0.0], [0.0, 0.0, 0.0]], rtol=1e-6)
    np.testing.assert_array_equal(groups.limit(scale, norms, tf.constant(100)), scale)


@pytest.mark.parametrize(("size", "stride"), [(3, 2), (5, 2), (4, 1)])
def test_the_copies_need_no_more_memory_than_the_paper_s_overlap(size, stride):
    groups = sa.SlidingMask(size, stride, "drop").of(28, 28)
    entries = np.prod(groups.gather(np.zeros((1, 28, 28, 1), np.float32)).shape)
    assert entries == groups.number * size**2
    assert entries <= math.ceil(size / stride) ** 2 * 28 * 28


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((8, 9, 10, 1), "expected group_size from 1 to the image's shorter side 8, received 10"),
        ((8, 8, 0, 1), "expected group_size to be a whole number of at least 1, received 0"),
        ((8, 8, 2, 3), "expected stride to be a number at least 1 and at most 2, received 3"),
        ((8, 8, 2, 2, "wrap"), "expected border to be one of cover, drop, received 'wrap'"),
    ],
)
def test_bad_masks_are_refused(arguments, message):
    with pytest.raises(sa.InputError, match=message):
        sa.SlidingMask(*arguments[2:]).of(*arguments[:2])


@dataclasses.dataclass(frozen=True)
class RowsOfPixels(sa.groups.Groups):
    """A group for each row of an image, written with sums alone."""

    height: int
    width: int

    number = property(lambda self: self.height)
    overlapping = False
    multiplicity = property(lambda self: np.ones((1, self.height, self.width, 1), np.float32))

    def gather(self, image):
        return image

    def scatter(self, copies):
        return copies

    def norms(self, copies):
        return tf.sqrt(self.total(tf.square(copies)))

    def spread(self, values):
        return values[..., None]

    def total(self, image):
        return tf.reduce_sum(image, axis=[2, 3])[:, :, None]

    def expand(self, values, channels):
        return tf.tile(values[..., None], [1, 1, self.width, channels])


class EachRow(sa.groups.GroupStructure):
    """The rule of `RowsOfPixels`."""

    overlapping = False

    def of(self, height, width):
        return RowsOfPixels(height, width)


@pytest.mark.parametrize("solver", first_quick(["prox_linear", "admm"]))
def test_groups_of_one_s_own_do_in_every_solver(exact, solver):
    classifier, images, labels, targets = exact
    light, result = (
        sa.StrAttack(groups=EachRow(), tau=tau, solver=solver, epsilon=None)(classifier, images, labels, targets)
        for tau in (0.1, 5.0)
    )
    assert result.success.mean() > 0.7
    rows = sa.metrics.nonzero_groups(result.delta[result.success], EachRow())
    expected = [np.count_nonzero((np.abs(delta) > 1e-6).any(axis=(1, 2))) for delta in result.delta[result.success]]
    np.testing.assert_array_equal(rows, expected)
    both = light.success & result.success
    many, fewer = (sa.metrics.nonzero_groups(found.delta[both], EachRow()).mean() for found in (light, result))
    assert fewer < many - 0.3
    few = sa.StrAttack(groups=EachRow(), max_groups=2, solver=solver, epsilon=None)(classifier, images, labels, targets)
    assert few.success.any()
    assert sa.metrics.nonzero_groups(few.delta, EachRow()).max() <= 2
