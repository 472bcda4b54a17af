"""A network of Keras and the PyTorch module of the same weights, as classifiers."""

import pytest

import tf_strattack as sa
from tests.tf_strattack.classifiers.torch_modules.cases import IMAGES, small
from tests.torch_twins import twin


@pytest.fixture(scope="module")
def network():
    return small()


@pytest.fixture(scope="module")
def module(network):
    return twin(network)


@pytest.fixture(scope="module")
def theirs(network):
    return sa.Classifier.from_keras(network)


@pytest.fixture(scope="module")
def ours(module):
    return sa.Classifier.from_torch(module, bounds=(0, 1))


@pytest.fixture(scope="module")
def labels(theirs):
    return theirs.classify(IMAGES)
