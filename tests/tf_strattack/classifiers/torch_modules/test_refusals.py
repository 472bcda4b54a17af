"""The PyTorch modules that are refused, each in a line."""

import numpy as np
import pytest

import tf_strattack as sa
from tests.tf_strattack.classifiers.torch_modules.cases import ATTACKS, IMAGES, small

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402

from tests.torch_twins import twin  # noqa: E402

pytestmark = pytest.mark.slow


def failing(error):
    def forward(inputs):
        raise error

    return forward


def test_training_mode_is_refused_whenever_it_is_set(network):
    module = twin(network)
    module[3].train()
    with pytest.raises(
        sa.InputError, match=r"in eval mode, received one in training mode in '3': call module.eval\(\)"
    ):
        sa.Classifier.from_torch(module)
    classifier = sa.Classifier.from_torch(module.eval())
    module.train()
    with pytest.raises(sa.InputError, match="received one in training mode: call"):
        classifier.predict(IMAGES)
    labels = sa.Classifier.from_torch(module.eval()).classify(IMAGES)
    classifier.predict(IMAGES)
    module.train()
    with pytest.raises(sa.InputError, match="received one in training mode: call"):
        ATTACKS["fgm"](classifier, IMAGES, labels)


@pytest.mark.parametrize(
    ("value", "line"),
    [
        (nn.Linear, "received a class: pass an instance, Linear"),
        ({"weight": 1}, "received dict: torch.load the module, or build it and load its state_dict"),
        (small(), r"received a Keras model, 'sequential.*': pass it to Classifier.from_keras"),
    ],
    ids=["class", "state_dict", "keras"],
)
def test_other_objects_are_refused_in_a_line(value, line):
    with pytest.raises(sa.InputError, match=line):
        sa.Classifier.from_torch(value)


def test_a_module_in_place_of_a_classifier_gets_the_call_that_makes_one(module, labels):
    with pytest.raises(
        sa.InputError, match=r"received Sequential: Classifier.from_torch\(module.eval\(\), bounds="
    ) as e:
        ATTACKS["fgm"](module, IMAGES, labels)
    assert "\n" not in str(e.value)
    with pytest.raises(sa.InputError, match=r"received a PyTorch module: Classifier.from_torch\(module.eval\(\)"):
        sa.Classifier.from_callable(module)


@pytest.mark.parametrize(
    ("network", "line"),
    [
        (failing(RuntimeError("no kernel\nfor it")), r"takes tensors \(N, C, H, W\) = .*, received: no kernel$"),
        (lambda inputs: inputs.sum((2, 3)).numpy(), "returns a tensor of class scores, received ndarray"),
        (lambda inputs: [1.0], "returns a tensor of class scores, received float"),
        (lambda inputs: inputs.sum((2, 3)).long(), "in floating point, received int64: return a score for each class"),
        (lambda inputs: inputs.mean(1), "pass a function that returns"),
        (lambda inputs: inputs.detach().sum((2, 3)), r"received: element 0 of tensors .*; detach\(\), torch.no_grad"),
        (lambda inputs: inputs.sum((2, 3)) * 0 + 2, "received 0 in every pixel"),
        (lambda inputs: torch.rand(len(inputs), 4), "same output from call to call"),
        (lambda inputs: inputs.sum((2, 3)) - 50 * inputs.mean(), "depend on its own image alone"),
    ],
    ids=["fails", "numpy", "floats", "integers", "maps", "detached", "constant", "random", "batch"],
)
def test_a_module_that_cannot_be_attacked_is_refused_in_a_line(network, line):
    with pytest.raises(sa.InputError, match=line) as error:
        sa.Classifier.from_torch(network).predict(IMAGES)
    assert "\n" not in str(error.value)


def test_images_with_channels_first_are_refused_with_their_shapes(module):
    with pytest.raises(sa.InputError, match=r"\(N, C, H, W\) = \(16, 9, 2, 9\), made from images \(N, H, W, C\)"):
        sa.Classifier.from_torch(module).predict(IMAGES.transpose(0, 3, 1, 2))


def test_an_error_in_the_middle_of_an_attack_is_one_line(module, labels):
    calls = []

    def network(inputs):
        calls.append(torch.is_grad_enabled())
        if len(calls) > allowed:
            raise RuntimeError("the device is lost")
        return module(inputs)

    allowed = 10**6
    classifier = sa.Classifier.from_torch(network)
    ATTACKS["sigma_zero"](classifier, IMAGES, labels)
    allowed = len(calls) + 8
    with pytest.raises(sa.InputError, match=r"^expected a module that .*: the device is lost$"):
        ATTACKS["sigma_zero"](classifier, IMAGES, labels)


def test_too_little_memory_leads_to_smaller_batches(module, labels):
    def network(inputs):
        if len(inputs) > 16:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 1 bytes.")
        return module(inputs)

    classifier = sa.Classifier.from_torch(network)
    many, their = np.tile(IMAGES, (3, 1, 1, 1)), np.tile(labels, 3)
    with pytest.raises(sa.InputError, match="batch_size"):
        ATTACKS["fgm"](classifier, many, their, batch_size=36)
    assert ATTACKS["fgm"](classifier, many, their, batch_size=16).success.any()
