"""A small network, and images in the form in which Dioptra passes them."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tests.builders import exact_rows


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(3).uniform(size=(11, 6, 6, 1)).astype(np.float32)


@pytest.fixture(scope="module")
def model(images):
    """A network that sees several classes in the images."""
    network = exact_rows()
    mean = network(images).numpy().mean(axis=0)

    class Centred(keras.Model):
        def call(self, x):
            return network(x) - mean

    return Centred()


@pytest.fixture(scope="module")
def labels(model, images):
    return model(images).numpy().argmax(axis=1)


@pytest.fixture(scope="module")
def dataset(images, labels):
    return tf.data.Dataset.from_tensor_slices((images, np.eye(4, dtype=np.float32)[labels])).batch(4)
