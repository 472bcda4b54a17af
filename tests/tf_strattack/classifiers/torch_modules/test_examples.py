"""PyTorch modules are attacked as Keras networks of the same weights are."""

import numpy as np
import pytest

import tf_strattack as sa
from tests.tf_strattack.classifiers.torch_modules.cases import ATTACKS, IMAGES, check_same, wanted

pytest.importorskip("torch")


pytestmark = pytest.mark.slow


@pytest.mark.parametrize("targeted", [True, False], ids=["targeted", "untargeted"])
@pytest.mark.parametrize("name", ATTACKS)
def test_examples_are_those_of_the_keras_network(name, targeted, ours, theirs, labels):
    targets = wanted(labels, targeted)
    check_same(ATTACKS[name](ours, IMAGES, labels, targets), ATTACKS[name](theirs, IMAGES, labels, targets))


def test_refined_and_quantized_examples_are_those_of_the_keras_network(ours, theirs, labels):
    found = ATTACKS["fgm"](theirs, IMAGES, labels).adversarial
    refining = {"solver": sa.solvers.ProxLinear.refining(max_iterations=10)}
    check_same(*(sa.refine(one, IMAGES, found, labels, **refining) for one in (ours, theirs)))
    check_same(*(sa.quantize(one, IMAGES, found, labels) for one in (ours, theirs)))


def test_saliency_maps_are_those_of_the_keras_network(ours, theirs, labels):
    maps = [sa.interpret.asm(one, IMAGES, labels, (labels + 1) % 4) for one in (ours, theirs)]
    assert maps[0].any()
    np.testing.assert_allclose(*maps, atol=1e-4)


def test_goals_over_several_networks_take_both_kinds(ours, theirs, labels):
    result = ATTACKS["pgd"](sa.AllOf([ours, theirs]), IMAGES, labels)
    alone = ATTACKS["pgd"](theirs, IMAGES, labels)
    np.testing.assert_array_equal(result.success, alone.success)


def test_an_example_does_not_depend_on_its_batch(ours, labels):
    attack = ATTACKS["strattack"]
    together = attack(ours, IMAGES, labels)
    for rows in ([0], [5, 3], [11, 0, 1, 2, 3, 4, 5]):
        apart = attack(ours, IMAGES[rows], labels[rows])
        np.testing.assert_array_equal(apart.success, together.success[rows])
        np.testing.assert_allclose(apart.adversarial, together.adversarial[rows], rtol=0, atol=1e-4)
