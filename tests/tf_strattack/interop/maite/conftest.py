"""A network, its images and their labels, for the tests of MAITE."""

import numpy as np
import pytest
import tensorflow as tf

import tf_strattack as sa
from tests.builders import exact_rows


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(3).uniform(size=(12, 6, 6, 1)).astype(np.float32)


@pytest.fixture(scope="module")
def network(images):
    """A network that sees several classes in the images."""
    network = exact_rows()
    mean = tf.reduce_mean(network(images), axis=0)
    return lambda x: network(x) - mean


@pytest.fixture(scope="module")
def classifier(network):
    return sa.Classifier.from_callable(network)


@pytest.fixture(scope="module")
def labels(classifier, images):
    return classifier.classify(images)
