"""A classifier says in a line what it is, and what it does not know."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import tf_strattack as sa

IMAGES = np.random.default_rng(0).uniform(size=(4, 6, 6, 1)).astype(np.float32)


def model(shape=(6, 6, 1)):
    layers = [keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(3)]
    return keras.Sequential([keras.Input(shape), keras.layers.Conv2D(4, 3), *layers], name="net")


def linear(images):
    weights = tf.constant(np.random.default_rng(1).normal(size=(36, 3)), tf.float32)
    return tf.reshape(images, [-1, 36]) @ weights


def test_classes_are_known_from_the_first_use():
    classifier = sa.Classifier.from_keras(model(), bounds=(0, 255))
    expected = "Classifier(keras model 'net', images (6, 6, 1), {}, bounds (0.0, 255.0))"
    assert repr(classifier) == expected.format("classes not known yet")
    classifier.predict(IMAGES)
    assert repr(classifier) == expected.format("3 classes")


def test_what_is_not_fixed_is_none():
    classifier = sa.Classifier.from_keras(model((None, None, 1)))
    assert "images (None, None, 1), classes not known yet" in repr(classifier)
    scaled = sa.Classifier.from_keras(model(), preprocessing=lambda images: images - 0.5)
    assert "images of unknown shape" in repr(scaled)


@pytest.mark.parametrize(("function", "name"), [(linear, "linear"), (lambda images: linear(images), "<lambda>")])
def test_functions_are_named(function, name):
    classifier = sa.Classifier.from_callable(function)
    expected = f"Classifier(function '{name}', images of unknown shape, classes not known yet, bounds (0.0, 1.0))"
    assert repr(classifier) == expected


def test_a_saved_model_has_the_name_of_its_directory(tmp_path):
    model().export(tmp_path / "exported", verbose=False)
    classifier = sa.Classifier.load(tmp_path / "exported")
    classifier.predict(IMAGES)
    assert repr(classifier) == "Classifier(SavedModel 'exported', images (6, 6, 1), 3 classes, bounds (0.0, 1.0))"


def test_a_model_of_keras_2():
    keras2 = pytest.importorskip("tf_keras")
    layers = [keras2.layers.Flatten(input_shape=(6, 6, 1)), keras2.layers.Dense(3)]
    classifier = sa.Classifier.from_keras(keras2.Sequential(layers, name="old"))
    assert repr(classifier).startswith("Classifier(tf_keras model 'old', images (6, 6, 1), classes not known yet")
