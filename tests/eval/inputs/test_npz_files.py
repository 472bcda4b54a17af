""".npz files: images with or without a channel, labels of several kinds, and Keras's own arrays."""

import numpy as np
import pytest

import tf_strattack as sa
from eval.inputs.datasets import read_dataset

IMAGES = np.random.default_rng(0).integers(0, 256, size=(4, 6, 5, 1), dtype=np.uint8)
IMAGES[0, 0, :2, 0] = 0, 255
LABELS = np.array([1, 0, 1, 1])


def read(path, split="test", **options):
    return read_dataset(str(path), data_dir=None, split=split, download=False, **options)


def save(tmp_path, **arrays):
    path = tmp_path / "digits.npz"
    np.savez(path, **arrays)
    return path


def check(data, images=IMAGES, labels=LABELS):
    records = list(data.records)
    np.testing.assert_array_equal(np.stack([record.image for record in records]), images.astype(np.float32) / 255)
    assert [record.label for record in records] == list(labels)
    assert all(type(record.label) is int for record in records)
    return [record.name for record in records]


def test_what_fits_is_read_without_a_word(tmp_path, notes):
    assert check(read(save(tmp_path, images=IMAGES, labels=LABELS))) == [f"digits_{index}" for index in range(4)]
    check(read(save(tmp_path, images=IMAGES / 255, labels=LABELS.astype(np.uint8))))
    assert notes() == []


@pytest.mark.parametrize(
    ("images", "labels", "reported"),
    [
        (IMAGES[..., 0], LABELS, ["images (4, 6, 5) are read as grey ones (4, 6, 5, 1)"]),
        (IMAGES, LABELS[:, None], ["labels (4, 1) are read as (4,)"]),
        (IMAGES, LABELS == 1, ["labels False and True are read as classes 0 and 1"]),
        (IMAGES, LABELS.astype(float), ["whole-number labels of type float64 are read as integers"]),
        (
            IMAGES[..., 0],
            (LABELS == 1)[:, None],
            [
                "images (4, 6, 5) are read as grey ones (4, 6, 5, 1)",
                "labels (4, 1) are read as (4,)",
                "labels False and True are read as classes 0 and 1",
            ],
        ),
    ],
)
def test_what_is_meant_is_read_and_reported_once(tmp_path, notes, images, labels, reported):
    path = save(tmp_path, images=images, labels=labels)
    for _ in range(2):
        check(read(path))
    assert notes() == [f"in {path}, {text}" for text in reported]


def test_keras_s_arrays_are_read_by_split(tmp_path, notes):
    path = save(tmp_path, x_train=IMAGES[:3, ..., 0], y_train=LABELS[:3], x_test=IMAGES[3:, ..., 0], y_test=LABELS[3:])
    assert check(read(path, "train"), IMAGES[:3], LABELS[:3])[0] == "digits_train_0"
    assert notes()[0] == f"in {path}, x_train and y_train are read; --split=test reads the others"
    assert check(read(path), IMAGES[3:], LABELS[3:]) == ["digits_test_0"]
    with pytest.raises(sa.InputError, match=r"expected --split=train or test with the arrays of .*, received 'val'"):
        read(path, "val")
    path = save(tmp_path, x_train=IMAGES, y_train=LABELS, x_test=IMAGES)
    with pytest.raises(sa.InputError, match=r"expected --split=train with the arrays of .*, received 'test'"):
        read(path)
    check(read(path, "train"))


OBJECTS = np.array([IMAGES[0], None], object)
PIXELS = "expected uint8 pixels or floating-point ones in [0, 1] in "


@pytest.mark.parametrize(
    ("images", "labels", "message", "remedy"),
    [
        (IMAGES.astype("U3"), LABELS, "received <U3: store the pixels themselves, as uint8", None),
        (IMAGES.astype(complex), LABELS, "received complex128: store the pixels themselves, as uint8", None),
        (
            IMAGES.astype(np.uint16) * 257,
            LABELS,
            'to 65535: store (images >> 8).astype("uint8")',
            lambda x: (x >> 8).astype("uint8"),
        ),
        (IMAGES.astype(np.int64), LABELS, 'received int64 from 0 to 255: store images.astype("uint8")', np.uint8),
        (IMAGES.astype(np.int64) - 9, LABELS, "from -9 to 246: store uint8, from 0 to 255", None),
        (IMAGES > 99, LABELS, 'received bool from 0 to 1: store images.astype("uint8") * 255', None),
        (
            IMAGES.astype(np.float32),
            LABELS,
            'float32 from 0 to 255: divide them by 255, or store images.astype("uint8")',
            np.uint8,
        ),
        (IMAGES / 127.5 - 1, LABELS, "from -1 to 1: convert them to [0, 1]: images", lambda x: (x + 1) / 2),
        (IMAGES * 2.0 - 128, LABELS, "from -128 to 382: convert them to [0, 1], or to uint8 from 0 to 255", None),
        (IMAGES * np.nan, LABELS, "replace values that are not a number", None),
        (IMAGES[:, :0], LABELS, "expected images (N, H, W, C)", None),
        (IMAGES.reshape(4, 30), LABELS, ": give images their height and width by images.reshape(-1, H, W, C)", None),
        (IMAGES, np.eye(2)[LABELS], ": store labels.argmax(axis=1) of one-hot labels", None),
        (IMAGES, LABELS + 0.5, "integer labels (N,)", None),
        (IMAGES, LABELS * np.nan, "integer labels (N,)", None),
        (IMAGES, np.array(["a", "b", "a", "a"]), "np.unique(labels, return_inverse=True)[1]", None),
        (IMAGES, LABELS[:3], "received (4, 6, 5, 1) and int64 (3,)", None),
        (IMAGES[0], LABELS[0], "received (6, 5, 1) and int64 ()", None),
        (OBJECTS, LABELS, "expected numbers in images of", None),
        (IMAGES, OBJECTS, "received Python objects: store np.stack(labels)", None),
    ],
)
def test_arrays_that_do_not_fit_get_one_line_and_a_remedy(tmp_path, notes, images, labels, message, remedy):
    with pytest.raises(sa.InputError) as error:
        read(save(tmp_path, images=images, labels=labels))
    assert message in str(error.value)
    assert "\n" not in str(error.value)
    assert notes() == []
    if remedy is not None:
        read(save(tmp_path, images=np.asarray(remedy(images)), labels=labels))


def test_other_files_are_refused(tmp_path):
    with pytest.raises(sa.InputError, match=r"expected arrays images and labels, or Keras's x_test and y_test, in"):
        read(save(tmp_path, x=IMAGES, y=LABELS))
    with (tmp_path / "single.npz").open("wb") as file:
        np.save(file, IMAGES)
    with pytest.raises(sa.InputError, match=r"received a single array in .*single.npz"):
        read(tmp_path / "single.npz")
    (tmp_path / "broken.npz").write_bytes(b"PK\x03\x04 broken")
    with pytest.raises(sa.InputError, match=r"received .*broken.npz, which cannot be read"):
        read(tmp_path / "broken.npz")


def test_an_empty_file_is_an_empty_data_set(tmp_path):
    assert list(read(save(tmp_path, images=IMAGES[:0], labels=LABELS[:0])).records) == []
    assert list(read(save(tmp_path, images=IMAGES[:0] / 255, labels=LABELS[:0])).records) == []
