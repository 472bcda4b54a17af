"""Label maps of common shapes, against loops."""

from __future__ import annotations

import numpy as np
import pytest

import tf_strattack as sa


def test_rows_and_columns():
    image = np.arange(24, dtype=np.float32).reshape(1, 4, 6, 1)
    np.testing.assert_allclose(sa.groups.rows(4, 6).of(4, 6).total(image)[0, :, 0], image[0, :, :, 0].sum(axis=1))
    np.testing.assert_allclose(sa.groups.columns(4, 6).of(4, 6).total(image)[0, :, 0], image[0, :, :, 0].sum(axis=0))


@pytest.mark.parametrize(("size", "stride"), [(3, None), (3, 2), (1, None), (7, 7)])
def test_windows_of_a_series(size, stride):
    series = np.random.default_rng(0).uniform(size=(2, 7, 3)).astype(np.float32)
    groups = sa.groups.windows(7, size, stride=stride).of(1, 7)
    step = stride or size
    starts = [start for start in range(0, 7, step) if start == 0 or start - step + size < 7]
    wanted = np.stack([series[:, start : start + size].sum(axis=(1, 2)) for start in starts], axis=1)
    total = np.asarray(groups.total(sa.images.from_series(series))).reshape(2, -1)
    np.testing.assert_allclose(np.sort(total), np.sort(wanted), rtol=1e-5)


@pytest.mark.parametrize("size", [2, (2, 3, 4)])
def test_blocks_of_a_volume(size):
    volumes = np.random.default_rng(0).uniform(size=(2, 4, 5, 6, 1)).astype(np.float32)
    structure = sa.groups.blocks(4, 5, 6, size)
    deep, high, wide = (size,) * 3 if isinstance(size, int) else size
    wanted = [
        volumes[:, d : d + deep, i : i + high, j : j + wide].sum(axis=(1, 2, 3, 4))
        for d in range(0, 4, deep)
        for i in range(0, 5, high)
        for j in range(0, 6, wide)
    ]
    total = np.asarray(structure.of(20, 6).total(sa.images.from_volumes(volumes))).reshape(2, -1)
    np.testing.assert_allclose(total, np.stack(wanted, axis=1), rtol=1e-5)
    with pytest.raises(sa.InputError, match="expected size to be a number or three of them"):
        sa.groups.blocks(4, 5, 6, (2, 2))


def test_a_pixel_in_several_boxes_belongs_to_the_smallest_and_nothing_else_changes():
    boxes = [[1, 1, 3, 3], [0, 0, 4, 4], [5, 2, 6, 6]]
    made = sa.groups.objects(boxes, 6, 6)
    for i in range(6):
        for j in range(6):
            holding = [
                k for k, (top, left, bottom, right) in enumerate(boxes) if top <= i < bottom and left <= j < right
            ]
            smallest = min(holding, key=lambda k: (boxes[k][2] - boxes[k][0]) * (boxes[k][3] - boxes[k][1]), default=-1)
            assert made.labels[i, j] == smallest
    assert made.unlabelled == "fixed"
    assert sa.groups.objects(boxes, 6, 6, unlabelled="free").unlabelled == "free"


@pytest.mark.parametrize("boxes", [[[0, 0, 7, 2]], [[2, 2, 2, 4]], [[0, -1, 2, 2]], [[0.5, 0, 2, 2]], [0, 0, 2, 2], []])
def test_boxes_that_do_not_fit_are_refused(boxes):
    with pytest.raises(sa.InputError, match="expected boxes"):
        sa.groups.objects(boxes, 6, 6)


def test_superpixels_are_regions_of_one_colour_whatever_the_scale():
    pytest.importorskip("skimage")
    image = np.zeros((1, 20, 20, 3), np.float32)
    image[:, :, 10:] = [1.0, 0.2, 0.1]
    image[:, 12:, :10] = [0.1, 0.9, 0.3]
    unit, bytes_ = (sa.groups.superpixels(scale * image, 12) for scale in (1.0, 255.0))
    np.testing.assert_array_equal(unit.labels, bytes_.labels)
    assert 4 <= unit.number <= 24
    for label in range(unit.number):
        colours = image[0][unit.labels[0] == label]
        assert np.ptp(colours, axis=0).max() < 1e-6


def test_superpixels_are_changed_as_a_whole_or_not(exact):
    pytest.importorskip("skimage")
    classifier, images, labels, targets = exact
    structure = sa.groups.superpixels(images, 8)
    attack = sa.StrAttack(groups=structure, epsilon=None)
    result = attack(classifier, images, labels, targets)
    assert result.success.mean() > 0.8
    assert (sa.metrics.nonzero_groups(result.delta, structure) <= structure.number).all()


def test_without_scikit_image_one_line_says_what_to_install(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "skimage.segmentation", None)
    with pytest.raises(sa.InputError, match=r"received none: pip install .tf_strattack\[superpixels\]"):
        sa.groups.superpixels(np.zeros((1, 4, 4, 1)), 3)
    with pytest.raises(sa.InputError, match="expected segments to be a whole number of at least 1, received 0"):
        sa.groups.superpixels(np.zeros((1, 4, 4, 1)), 0)
    with pytest.raises(sa.InputError, match=r"expected images of shape \(N, H, W, C\), received \(4, 4\)"):
        sa.groups.superpixels(np.zeros((4, 4)), 3)
