"""A small network, and the classes that it gives the images."""

import pytest

from tests.tf_strattack.classifiers.networks import IMAGES, body, dense


@pytest.fixture(scope="module")
def model():
    return body(dense(activation="softmax"))


@pytest.fixture(scope="module")
def labels(model):
    return model.predict(IMAGES, verbose=0).argmax(axis=1)
