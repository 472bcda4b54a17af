"""The network of the tests of sections, with its examples."""

import pytest

from eval.benchmarks.nets import load_net


@pytest.fixture(scope="session")
def net():
    return load_net("mnist_cnn", None)
