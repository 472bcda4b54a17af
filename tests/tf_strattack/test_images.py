"""8-bit pixels and PNG files: nothing is lost on the way there and back."""

import numpy as np
import pytest
from PIL import Image

import tf_strattack as sa

BOUNDS = [(0.0, 1.0), (-0.5, 0.5), (0.0, 255.0), (-1.0, 1.0), (0.1, 0.3)]
EVERY = np.arange(256, dtype=np.uint8).reshape(1, 16, 16, 1)


@pytest.mark.parametrize("bounds", BOUNDS)
def test_every_level_survives_the_way_through_any_scale(bounds):
    images = sa.images.from_uint8(EVERY, bounds)
    assert images.dtype == np.float32
    assert images.min() >= np.float32(bounds[0])
    assert images.max() <= np.float32(bounds[1])
    np.testing.assert_array_equal(sa.images.to_uint8(images, bounds), EVERY)
    np.testing.assert_allclose(images.ravel(), np.linspace(*bounds, 256), atol=1e-6 * (bounds[1] - bounds[0]) + 1e-5)


def test_pixels_go_to_the_nearest_level():
    images = np.random.default_rng(0).uniform(-0.5, 0.5, size=(3, 4, 5, 1))
    levels = sa.images.to_uint8(images, (-0.5, 0.5))
    assert np.abs(levels / 255 - 0.5 - images).max() <= 0.5 / 255 + 1e-9


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (np.array([0.0, 1.1]), r"expected images within \[0, 1\], received values outside"),
        (np.array([0.5, np.nan]), "received values outside"),
        (np.array([-1.0]), "received values outside"),
    ],
)
def test_images_outside_the_bounds_are_refused(images, message):
    with pytest.raises(sa.InputError, match=message):
        sa.images.to_uint8(images)


def test_levels_of_another_type_are_refused():
    with pytest.raises(sa.InputError, match="expected levels of dtype uint8, received int64"):
        sa.images.from_uint8(np.arange(3))


@pytest.mark.parametrize("channels", [1, 3, 4])
def test_a_png_file_keeps_every_level(channels, tmp_path):
    levels = np.random.default_rng(channels).integers(0, 256, size=(7, 5, channels), dtype=np.uint8)
    path = tmp_path / "a.png"
    sa.images.write_png(path, levels)
    np.testing.assert_array_equal(sa.images.read_png(path), levels)
    with Image.open(path) as picture:  # what another program sees
        np.testing.assert_array_equal(np.asarray(picture).reshape(levels.shape), levels)


def test_png_files_are_not_overwritten_unasked(tmp_path):
    path = tmp_path / "a.png"
    sa.images.write_png(path, EVERY[0])
    with pytest.raises(sa.InputError, match="expected a new file"):
        sa.images.write_png(path, 255 - EVERY[0])
    np.testing.assert_array_equal(sa.images.read_png(path), EVERY[0])
    sa.images.write_png(path, 255 - EVERY[0], overwrite=True)
    np.testing.assert_array_equal(sa.images.read_png(path), 255 - EVERY[0])


def test_what_is_no_image_or_no_png_is_refused(tmp_path):
    with pytest.raises(
        sa.InputError, match=r"uint8 image \(H, W, C\) of 1, 3 or 4 channels, received float32 \(2, 2, 1\)"
    ):
        sa.images.write_png(tmp_path / "a.png", np.zeros((2, 2, 1), np.float32))
    with pytest.raises(sa.InputError, match=r"received uint8 \(2, 2, 2\)"):
        sa.images.write_png(tmp_path / "a.png", np.zeros((2, 2, 2), np.uint8))
    with pytest.raises(sa.InputError, match=r"expected a path that ends in \.png"):
        sa.images.write_png(tmp_path / "a.jpg", EVERY[0])
    with pytest.raises(sa.InputError, match="which does not exist"):
        sa.images.read_png(tmp_path / "none.png")
    (tmp_path / "text.png").write_text("no picture")
    with pytest.raises(sa.InputError, match="expected a PNG file"):
        sa.images.read_png(tmp_path / "text.png")
    Image.fromarray(np.zeros((4, 4), np.uint16)).save(tmp_path / "deep.png")
    with pytest.raises(sa.InputError, match="expected a PNG of 8 bits"):
        sa.images.read_png(tmp_path / "deep.png")


def test_series_and_volumes_become_images_and_again_themselves():
    random = np.random.default_rng(0)
    series, volumes = random.uniform(size=(2, 7, 3)), random.uniform(size=(2, 3, 4, 5, 1))
    np.testing.assert_array_equal(sa.images.to_series(sa.images.from_series(series)), series)
    images = sa.images.from_volumes(volumes)
    np.testing.assert_array_equal(images[1, 4:8], volumes[1, 1])
    np.testing.assert_array_equal(sa.images.to_volumes(images, depth=3), volumes)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: sa.images.from_series(np.zeros((2, 7))), r"expected series \(N, T, C\), received shape \(2, 7\)"),
        (lambda: sa.images.to_series(np.zeros((2, 7, 3, 1))), r"expected images \(N, 1, T, C\), received shape"),
        (lambda: sa.images.from_volumes(np.zeros((2, 7, 3, 1))), r"expected volumes \(N, D, H, W, C\), received"),
        (lambda: sa.images.to_volumes(np.zeros((2, 7, 3, 1)), 2), "multiple of depth=2, received 7"),
    ],
)
def test_other_shapes_are_no_series_or_volumes(call, message):
    with pytest.raises(sa.InputError, match=message):
        call()
