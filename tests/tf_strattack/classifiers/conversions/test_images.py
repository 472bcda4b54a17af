"""Images in other forms: accepted, reported where they are converted, or refused with a remedy."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

import tf_strattack as sa
from tests.builders import brief
from tests.slow import first_quick
from tests.tf_strattack.classifiers.conversions.notes import ATTACK, notes_of
from tests.tf_strattack.classifiers.networks import IMAGES, SIDE, body, dense


@pytest.mark.parametrize("form", first_quick([tf.constant, list, lambda images: images.astype(np.float64)]))
def test_images_of_any_form_give_the_same_result(model, labels, form):
    result, notes = notes_of(lambda: ATTACK(model, form(IMAGES), labels))
    np.testing.assert_array_equal(result.adversarial, ATTACK(model, IMAGES, labels).adversarial)
    assert not notes


def test_grey_images_get_a_channel_axis_and_it_is_reported(model, labels):
    result, notes = notes_of(lambda: ATTACK(model, IMAGES[..., 0], labels))
    np.testing.assert_array_equal(result.adversarial, ATTACK(model, IMAGES, labels).adversarial)
    assert notes == [
        "images of shape (12, 6, 6) are taken for 12 grey images (N, H, W): results have a channel axis, (N, H, W, 1)"
    ]


def test_the_network_of_the_first_keras_tutorial_takes_its_images_as_they_are():
    model = keras.Sequential([layers.Input((28, 28)), layers.Flatten(), layers.Dense(10)])
    images, labels, _ = sa.shipped.load_sample()
    images = images[:4, ..., 0]
    labels = model.predict(images, verbose=0).argmax(axis=1)
    result, _ = notes_of(lambda: brief(20, refine=False)(model, images, labels))
    assert result.adversarial.shape == (4, 28, 28, 1)
    np.testing.assert_array_equal(
        model.predict(result.adversarial[..., 0], verbose=0).argmax(1) != labels, result.success
    )


def test_the_message_for_a_single_image_names_its_first_axis(model, labels):
    with pytest.raises(sa.InputError, match=r"received \(6, 6, 1\): add a first axis, \[None\], to a single image"):
        ATTACK(model, IMAGES[0], labels[:1])
    assert len(ATTACK(model, IMAGES[0][None], labels[:1])) == 1


def test_the_message_for_channels_first_advises_a_transposition(labels):
    model = keras.Sequential([layers.Input((SIDE, SIDE, 3)), layers.Flatten(), layers.Dense(4)])
    images = np.random.default_rng(0).uniform(size=(4, 3, SIDE, SIDE)).astype(np.float32)
    with pytest.raises(
        sa.InputError, match=r"images are \(N, H, W, C\), so transpose them, images.transpose\(0, 2, 3, 1\)"
    ):
        ATTACK(model, images, labels[:4])
    assert len(ATTACK(model, images.transpose(0, 2, 3, 1), labels[:4])) == 4


def test_images_a_rounding_beyond_the_bounds_are_clipped_and_others_refused(model, labels):
    beyond = IMAGES.copy()
    beyond[2, 0, 0] = np.nextafter(np.float32(1), np.float32(2))
    result, notes = notes_of(lambda: ATTACK(model, beyond, labels))
    assert notes == ["images leave the bounds by a rounding error in row 2, and are clipped"]
    assert result.images[2, 0, 0] == 1.0
    assert (result.adversarial <= 1.0).all()
    beyond[2, 0, 0] = 1.001
    with pytest.raises(sa.InputError, match=r"values from .* to 1.001 in row 2: rescale them, or state their scale"):
        ATTACK(model, beyond, labels)


def test_the_message_for_bytes_names_their_bounds(model, labels):
    bytes_of_images = (IMAGES * 255).astype(np.uint8)
    with pytest.raises(sa.InputError, match=r"state their scale as bounds, bounds=\(0, 255\)"):
        ATTACK(model, bytes_of_images, labels)
    scaled = sa.Classifier.from_keras(model, bounds=(0, 255), preprocessing=lambda images: images / 255)
    assert ATTACK(scaled, bytes_of_images, labels).success.any()


def batches():
    return tf.data.Dataset.from_tensor_slices((IMAGES, np.zeros(12, np.int32))).batch(4)


class Sequence(keras.utils.PyDataset):
    def __len__(self):
        return 1

    def __getitem__(self, index):
        return IMAGES, np.zeros(12, int)


@pytest.mark.parametrize("make", [batches, lambda: iter([(IMAGES, [0] * 12)]), lambda: Sequence()])
def test_the_message_for_batches_shows_the_loop_that_works(model, make):
    with pytest.raises(sa.InputError, match="loop over its batches: for images, labels in batches: attack"):
        ATTACK(model, make(), np.zeros(12, int))
    for images, labels in make():
        assert len(ATTACK(model, images, labels)) == len(images)
    with pytest.raises(sa.InputError, match=r"received a dict: pass the images alone"):
        ATTACK(model, {"image": IMAGES}, np.zeros(12, int))


@pytest.mark.filterwarnings("ignore::tf_strattack.errors.InputWarning")  # all classes tie on black
def test_black_images_are_attacked_whichever_comes_first():
    model = body(dense())
    black = np.zeros((3, SIDE, SIDE, 1), np.float32)
    saturated = keras.Sequential([layers.Input((SIDE, SIDE, 1)), layers.Rescaling(1.0, -0.01), layers.ReLU(), model])
    result = ATTACK(saturated, black, saturated.predict(black, verbose=0).argmax(axis=1))
    assert not result.success.any()  # no gradient there, and nothing found: a result, not a refusal
