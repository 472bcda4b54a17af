"""Keras's networks by name: logits of images in [0, 1], weights from anywhere, and one line where that fails."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import tf_strattack as sa
from eval.inputs import applications
from eval.inputs.applications import find_application, load_application
from eval.inputs.models import load_model

IMAGE = np.random.default_rng(0).uniform(size=(2, 224, 224, 3)).astype(np.float32)


@pytest.mark.parametrize("name", ["inception_v3", "InceptionV3", "inceptionv3"])
def test_a_network_is_found_by_either_name(name):
    assert find_application(name) is keras.applications.InceptionV3
    assert find_application("mnist_cnn") is None


@pytest.mark.slow
def test_random_weights_depend_on_the_seed_and_preprocessing_is_within(tmp_path):
    classifier, digest = load_application("mobilenet", "none", seed=3)
    assert classifier.image_shape == (224, 224, 3)
    assert (
        load_application("mobilenet", "none", seed=3)[1] == digest != load_application("mobilenet", "none", seed=4)[1]
    )
    keras.utils.set_random_seed(3)
    model = keras.applications.MobileNet(weights=None, classifier_activation=None)
    expected = model(keras.applications.mobilenet.preprocess_input(255.0 * IMAGE), training=False)
    np.testing.assert_allclose(classifier.predict(IMAGE), expected, rtol=1e-4, atol=1e-5)
    assert classifier.outputs == "logits"

    model.save_weights(tmp_path / "w.weights.h5")
    model.save(tmp_path / "whole.keras")
    for file in ("w.weights.h5", "whole.keras"):
        loaded = load_model("mobilenet", (0.0, 1.0), weights=str(tmp_path / file), seed=9)
        assert loaded.sha256 == digest
        np.testing.assert_allclose(loaded.classifier.predict(IMAGE), expected, rtol=1e-4, atol=1e-5)
    (tmp_path / "corrupt.weights.h5").write_bytes(b"no weights")
    for file, message in [("corrupt.weights.h5", "which cannot be read"), ("absent.h5", "which does not exist")]:
        with pytest.raises(sa.InputError, match=message):
            load_application("mobilenet", str(tmp_path / file), seed=0)


def test_weights_that_cannot_be_downloaded_get_one_line(monkeypatch):
    def build(weights, classifier_activation):
        raise OSError("URL fetch failure on https://example.org\nsecond line")

    build.__module__ = "keras.src.applications.inception_v3"
    monkeypatch.setattr(applications, "find_application", lambda name: build)
    with pytest.raises(sa.InputError) as error:
        load_application("inception_v3", "imagenet", seed=0)
    assert "give --weights=FILE, or --weights=none" in str(error.value)
    assert "\n" not in str(error.value)


def test_class_names_are_keras_s_where_it_has_them(monkeypatch):
    utils = keras.applications.imagenet_utils
    ranked = [[(f"n{index:08d}", f"name {index}", 1.0)] for index in range(1000)]
    monkeypatch.setattr(utils, "decode_predictions", lambda scores, top: ranked)
    assert applications.imagenet_names()[7] == "name 7"

    def offline(scores, top):
        raise OSError("no network")

    monkeypatch.setattr(utils, "decode_predictions", offline)
    assert applications.imagenet_names() == {}


@pytest.mark.slow
@pytest.mark.parametrize("name", ["MobileNetV2", "ResNet50", "DenseNet121"])
def test_large_images_need_only_two_rows_to_be_rounded_alike(name):
    classifier, _ = load_application(name, "none", seed=0)
    images = np.random.default_rng(0).uniform(size=(16, 224, 224, 3)).astype(np.float32)

    @tf.function
    def gradient(images):
        with tf.GradientTape() as tape:
            tape.watch(images)
            logits = classifier.logits(images)
            scores = tf.reduce_sum(logits[:, 3] - logits[:, 7])
        return tape.gradient(scores, images)

    whole = gradient(tf.constant(images)).numpy()
    for rows in (2, 4, 8, 12):
        np.testing.assert_array_equal(gradient(tf.constant(images[:rows])), whole[:rows])


@pytest.mark.slow
@pytest.mark.parametrize("name", ["ResNet50", "VGG16", "EfficientNetB0", "ConvNeXtTiny", "EfficientNetV2B0"])
def test_every_family_s_preprocessing_lets_a_gradient_through(name):
    classifier, _ = load_application(name, "none", seed=0)
    height, width, _ = classifier.image_shape
    images = np.random.default_rng(0).uniform(size=(2, height, width, 3)).astype(np.float32)
    assert classifier.predict(images).shape == (2, 1000)
