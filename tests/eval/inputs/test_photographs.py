"""Images of any size are brought to the network's, as evaluations do."""

import itertools

import numpy as np
import pytest
import tensorflow_datasets as tfds
from PIL import Image

import tf_strattack as sa
from eval.inputs.datasets import read_dataset
from eval.inputs.photographs import Frame, make_frame
from tests.builders import write_folder


def test_a_frame_resizes_the_shorter_side_and_cuts_out_the_middle():
    image = np.random.default_rng(0).integers(0, 256, size=(60, 90, 3), dtype=np.uint8)
    ours = Frame(28, 28, 32, 3)(image, "x")
    picture = Image.fromarray(image).resize((48, 32), Image.Resampling.BICUBIC).crop((10, 2, 38, 30))
    np.testing.assert_array_equal(ours, np.asarray(picture))


@pytest.mark.parametrize(("channels", "wanted"), [(1, 3), (4, 3), (3, 1), (1, 1)])
def test_a_frame_gives_the_network_its_channels(channels, wanted):
    image = np.full((40, 30, channels), 100, np.uint8)
    image[..., 3:] = 255
    ours = Frame(24, 24, 26, wanted)(image, "x")
    np.testing.assert_array_equal(ours, np.full((24, 24, wanted), 100))


def test_a_frame_keeps_an_image_of_the_right_size_as_it_is():
    image = np.random.default_rng(0).integers(0, 256, size=(24, 24, 3), dtype=np.uint8)
    np.testing.assert_array_equal(Frame(24, 24, 24, 3)(image, "x"), image)


@pytest.mark.parametrize(
    ("resize", "shape", "varied", "expected"),
    [
        ("auto", (224, 224, 3), True, Frame(224, 224, 256, 3, keeps=True)),
        ("auto", (299, 299, 3), True, Frame(299, 299, 342, 3, keeps=True)),
        ("auto", (28, 28, 1), True, Frame(28, 28, 32, 1, keeps=True)),
        ("auto", (28, 28, 4), True, Frame(28, 28, 32, 4, keeps=True)),
        ("auto", (28, 28, None), True, Frame(28, 28, 32, 3, keeps=True)),
        ("auto", (28, 28, 1), False, None),
        ("auto", (None, None, 3), True, None),
        ("auto", None, True, None),
        ("none", (224, 224, 3), True, None),
        ("230", (224, 224, 3), False, Frame(224, 224, 230, 3)),
        ("64", (None, None, 3), True, Frame(64, 64, 64, 3)),
        ("64", None, True, Frame(64, 64, 64, 3)),
    ],
)
def test_what_resize_asks_for(resize, shape, varied, expected):
    assert make_frame(resize, shape, varied=varied) == expected


@pytest.mark.parametrize("resize", ["0", "-3", "large", "3.5", "", "²", "٣", "9" * 5000])
def test_a_bad_resize_is_refused(resize):
    with pytest.raises(sa.InputError, match="expected --resize to be auto, none or a number of pixels"):
        make_frame(resize, (28, 28, 1), varied=True)


def test_images_of_the_network_s_size_stay_as_they_are_and_resizing_is_reported(notes):
    frame = make_frame("auto", (28, 28, 1), varied=True)
    assert frame is not None
    fitting = np.arange(28 * 28, dtype=np.uint8).reshape(28, 28, 1)
    np.testing.assert_array_equal(frame(fitting, "x"), fitting)
    assert notes() == []
    assert frame(np.zeros((30, 28, 1), np.uint8), "x").shape == (28, 28, 1)
    noted = ["images are resized to 32 pixels on the shorter side and cropped to the central 28 x 28"]
    assert notes() == noted
    forced = make_frame("32", (28, 28, 1), varied=True)
    assert forced is not None
    assert not np.array_equal(forced(fitting, "x"), fitting)


def test_sizes_that_take_gigabytes_are_refused():
    with pytest.raises(sa.InputError, match="expected --resize of at most 10000 pixels, received 10001"):
        make_frame("10001", (28, 28, 1), varied=True)
    assert make_frame("10000", (28, 28, 1), varied=True) is not None
    with pytest.raises(sa.InputError, match="received 1600000 x 256 in x: choose a smaller --resize"):
        Frame(224, 224, 256, 3)(np.zeros((1, 6250, 3), np.uint8), "x")


def test_what_cannot_be_resized_is_refused():
    frame = Frame(8, 8, 9, 3)
    with pytest.raises(sa.InputError, match="expected uint8 pixels to resize in x, received float32"):
        frame(np.zeros((20, 20, 3), np.float32), "x")
    with pytest.raises(sa.InputError, match="expected 1, 3 or 4 channels to resize in x, received 5"):
        frame(np.zeros((20, 20, 5), np.uint8), "x")


def test_photographs_are_found_with_their_table_next_to_them_or_above(tmp_path):
    random = np.random.default_rng(0)
    images = [random.integers(0, 256, size=size, dtype=np.uint8) for size in [(40, 50, 3), (64, 48), (48, 48, 4)]]
    folder = write_folder(tmp_path / "photos", images)
    for place in (folder, folder / "images"):
        data = read_dataset(
            str(place), data_dir=None, split="test", download=False, image_shape=(32, 32, 3), resize="auto"
        )
        records = list(data.records)
        assert [record.image.shape for record in records] == [(32, 32, 3)] * 3
        assert [record.label for record in records] == [0, 1, 2]
        assert data.class_names == {0: "class 0", 1: "class 1", 2: "class 2"}
    assert (records[1].image[..., 0] == records[1].image[..., 2]).all()


def test_imagenet_v2_of_tfds_is_read_one_image_at_a_time(tmp_path):
    def rows():
        for index in range(30):
            image = np.full((40 + index, 50, 3), index, np.uint8)
            yield index, {"image": image, "label": index % 3, "file_name": f"{index}.jpeg"}

    tfds.dataset_builders.store_as_tfds_dataset(
        name="imagenet_v2",
        config="matched-frequency",
        version="3.0.0",
        data_dir=tmp_path,
        features=tfds.features.FeaturesDict(
            {
                "image": tfds.features.Image(shape=(None, None, 3)),
                "label": tfds.features.ClassLabel(num_classes=1000),
                "file_name": tfds.features.Text(),
            }
        ),
        split_datasets={"test": rows()},
    )
    data = read_dataset(
        "imagenet_v2", data_dir=str(tmp_path), split="test", download=False, image_shape=(32, 32, 3), resize="auto"
    )
    first = list(itertools.islice(data.records, 3))
    assert [record.image.shape for record in first] == [(32, 32, 3)] * 3
    assert [record.name for record in first] == [f"imagenet_v2_test_{index}" for index in range(3)]
    assert all(record.image.std() < 1e-6 for record in first)


def test_a_tfds_data_set_without_images_is_refused(tmp_path):
    tfds.dataset_builders.store_as_tfds_dataset(
        name="imdb_reviews",
        config="plain_text",
        version="1.0.0",
        data_dir=tmp_path,
        features=tfds.features.FeaturesDict(
            {
                "text": tfds.features.Text(),
                "label": tfds.features.ClassLabel(num_classes=2),
            }
        ),
        split_datasets={"test": [(0, {"text": "fine", "label": 1})]},
    )
    with pytest.raises(
        sa.InputError, match="expected images and whole numbers as labels in the TFDS data set imdb_rev"
    ):
        read_dataset("imdb_reviews", data_dir=str(tmp_path), split="test", download=False)


@pytest.mark.parametrize("resize", ["auto", "none", "30"])
def test_a_network_of_four_channels_gets_the_transparency_of_files(tmp_path, notes, resize):
    pixels = np.random.default_rng(0).integers(0, 256, size=(24, 24, 4), dtype=np.uint8)
    write_folder(tmp_path / "photos", [pixels, pixels[..., :3], pixels[..., 0]])
    options = {"data_dir": None, "split": "test", "download": False, "resize": resize}
    four = [r.image for r in read_dataset(str(tmp_path / "photos"), image_shape=(24, 24, 4), **options).records]
    assert [image.shape for image in four] == [(24, 24, 4)] * 3
    assert four[0][..., 3].std() > 0
    assert (four[1][..., 3] == 1).all()
    if resize == "none":
        np.testing.assert_array_equal(four[0], pixels.astype(np.float32) / 255)
    assert not any("composited" in line for line in notes())
    three = [r.image for r in read_dataset(str(tmp_path / "photos"), image_shape=(24, 24, 3), **options).records]
    assert three[0].mean() < three[1].mean()
    assert "transparent images are composited over black" in notes()
