"""Networks of classes and of labels, and images for them."""

import numpy as np
import pytest
import tensorflow as tf

import tf_strattack as sa
from tests.builders import exact_rows


@pytest.fixture(scope="module")
def networks():
    return [sa.Classifier.from_callable(exact_rows(seed=seed)) for seed in (0, 1, 2)]


@pytest.fixture(scope="module")
def images():
    return np.random.default_rng(5).uniform(size=(8, 6, 6, 1)).astype(np.float32)


@pytest.fixture(scope="module")
def tags():
    """A network with a sigmoid for each of 4 labels."""
    network = exact_rows(seed=7)
    return sa.Classifier.from_callable(lambda images: tf.sigmoid(network(images)), outputs="sigmoid")
