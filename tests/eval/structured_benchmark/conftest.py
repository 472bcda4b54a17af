"""A small net with four examples, and what an attack finds for them, with refinement and without."""

import numpy as np
import pytest

import tf_strattack as sa
from eval.benchmarks.nets import Net
from eval.benchmarks.structured.examples import Examples
from eval.benchmarks.structured.series import Series


@pytest.fixture(scope="module")
def net(exact):
    classifier, images, labels, targets = exact
    return Net(
        "exact", sa.shipped.model_path("mnist_cnn"), "0" * 64, 0.0, classifier, images[:4], labels[:4], targets[:4], {}
    )


@pytest.fixture
def examples(net):
    return Examples(net)


@pytest.fixture(scope="module")
def results(net):
    """What an attack without refinement finds, and with it."""
    attacks = (sa.StrAttack(epsilon=None, refine=refine) for refine in (False, True))
    found = [attack(net.classifier, net.images, net.labels, net.targets) for attack in attacks]
    assert all(result.success.all() for result in found)
    return found


def series(result):
    return Series("by hand", None, None, None, np.arange(len(result)), result.adversarial, result.success)


@pytest.fixture
def rough(results):
    return series(results[0])


@pytest.fixture
def fine(results):
    return series(results[1])
