"""Networks and digits that many tests share."""

from __future__ import annotations

import json
import os

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import zipfile
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds
from packaging.version import Version

import tf_strattack as sa

SHARED = Path(__file__).parent.parent.parent / "shared" / "data"


@pytest.fixture(scope="session")
def digits():
    """Three correctly classified shipped digits with all 9 targets each: images, labels, targets of 27 examples."""
    images, labels, _ = sa.shipped.load_sample()
    rows = np.repeat(np.arange(3), 9)
    targets = np.concatenate([[c for c in range(10) if c != label] for label in labels[:3]])
    return images[rows], labels[rows], targets


@pytest.fixture(scope="session")
def mnist():
    """The shipped network."""
    return sa.shipped.load_classifier()


def exact_rows(hidden: int = 12, classes: int = 4, side: int = 6, seed: int = 0):
    """A two-layer network whose rows are bit-equal in any batch: every row is its own sum in a fixed order."""
    rng = np.random.default_rng(seed)
    first = tf.constant(rng.normal(size=(hidden, side * side)) / side, tf.float32)
    second = tf.constant(rng.normal(size=(classes, hidden)), tf.float32)

    def network(images):
        flat = tf.reshape(images, [-1, 1, side * side])
        features = tf.nn.relu(tf.reduce_sum(flat * first, axis=2))
        return tf.reduce_sum(features[:, None, :] * second, axis=2)

    return network


def count_traces(rows: int, seed: int):
    """A small classifier, images and labels for it, and the list that grows with every trace of its network.

    Eager calls, by which it is seen whether a network has changed, do not count.
    """
    traced: list[tuple[int, ...]] = []
    network = exact_rows()

    def counted(images):
        if not tf.executing_eagerly():
            traced.append(images.shape)
        return network(images)

    classifier = sa.Classifier.from_callable(counted)
    images = np.random.default_rng(seed).uniform(size=(rows, 6, 6, 1)).astype(np.float32)
    return classifier, images, classifier.predict(images).argmax(axis=1), traced


@pytest.fixture(scope="session")
def exact():
    """A small classifier with bit-equal rows, and 27 examples for it."""
    classifier = sa.Classifier.from_callable(exact_rows())
    images = np.random.default_rng(1).uniform(size=(27, 6, 6, 1)).astype(np.float32)
    labels = classifier.predict(images).argmax(axis=1)
    targets = (labels + 1 + np.arange(27) % 3) % 4
    return classifier, images, labels, targets


def linear_network(pixels: int, classes: int = 3):
    """Weights (classes, pixels) of a linear network, its classifier, six images, their labels and farthest classes."""
    rng = np.random.default_rng(0)
    weights, side = rng.normal(size=(classes, pixels)), int(pixels**0.5)
    matrix = tf.constant(weights.T, tf.float32)
    classifier = sa.Classifier.from_callable(lambda x: tf.reshape(x, [-1, pixels]) @ matrix)
    images = rng.uniform(0.2, 0.8, size=(6, side, side, 1)).astype(np.float32)
    logits = classifier.predict(images)
    return weights, classifier, images, logits.argmax(axis=1), logits.argmin(axis=1)


# Heads of networks in half precision, and one in float32 on a body in half precision.
HALF_PRECISION_HEADS = [{"activation": "softmax"}, {"activation": "softmax", "dtype": "float32"}, {}]


def half_precision_network(head):
    """A small network in bfloat16, its images, and the classes that it gives them."""
    keras.utils.set_random_seed(0)
    keras.config.set_dtype_policy("mixed_bfloat16" if "dtype" in head else "bfloat16")
    try:
        network = keras.Sequential(
            [
                keras.layers.Input((8, 8, 1)),
                keras.layers.Flatten(),
                keras.layers.Dense(16, activation="relu"),
                keras.layers.Dense(4, **head),
            ]
        )
    finally:
        keras.config.set_dtype_policy("float32")
    images = np.random.default_rng(0).uniform(size=(8, 8, 8, 1)).astype(np.float32)
    return network, images, np.asarray(tf.cast(network(images), tf.float32)).argmax(axis=1)


@pytest.fixture(scope="session")
def tiny_mnist(tmp_path_factory):
    """The shipped digits as a data set "mnist" that TFDS reads: its directory, with 400 and 100 images."""
    directory = tmp_path_factory.mktemp("tfds")
    images, labels, _ = sa.shipped.load_sample()
    pixels = (images * 255).round().astype(np.uint8)

    def split(rows):
        return [(int(i), {"image": pixels[i], "label": int(labels[i])}) for i in rows]

    tfds.dataset_builders.store_as_tfds_dataset(
        name="mnist",
        version="3.0.1",
        data_dir=directory,
        features=tfds.features.FeaturesDict(
            {
                "image": tfds.features.Image(shape=(28, 28, 1)),
                "label": tfds.features.ClassLabel(num_classes=10),
            }
        ),
        split_datasets={"train": iter(split(range(400))), "test": iter(split(range(400, 500)))},
    )
    return directory


@pytest.fixture(scope="session")
def shared():
    """The folder of measuring data beside the checkout; tests that need it skip without it."""
    if not SHARED.exists():
        pytest.skip("needs the shared data beside the checkout")
    return SHARED


@pytest.fixture(scope="session")
def shared_networks(shared):
    """The same folder, for tests that load its networks: a Keras may not read what a newer one saved."""
    with zipfile.ZipFile(shared / "cases" / "mnist_net.keras") as archive:
        saved_by = json.loads(archive.read("metadata.json"))["keras_version"]
    if Version(keras.__version__) < Version(saved_by):
        pytest.skip(f"the shared networks were saved by Keras {saved_by}, newer than {keras.__version__}")
    return shared
