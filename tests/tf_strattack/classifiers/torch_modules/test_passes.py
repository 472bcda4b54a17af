"""What a PyTorch module sees: one pass for each gradient, in every mode and thread, and no change of its own."""

import os
import subprocess
import sys
import threading

import numpy as np
import pytest
import tensorflow as tf

import tf_strattack as sa
from tests.programs import PATIENCE, ROOT
from tests.tf_strattack.classifiers.torch_modules.cases import ATTACKS, IMAGES

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402

pytestmark = pytest.mark.slow


class Watched(nn.Module):
    """A module that counts its passes."""

    def __init__(self, inner):
        super().__init__()
        self.inner, self.forwards, self.backwards = inner, 0, 0
        self.register_full_backward_hook(self.count)

    def forward(self, inputs):
        self.forwards += 1
        self.graph = torch.is_grad_enabled()
        return self.inner(inputs)

    def count(self, *_):
        self.backwards += 1


def test_the_module_stays_as_it_was(module, labels):
    for parameter in module.parameters():
        parameter.grad = torch.full_like(parameter, 3.0)
    module[0].weight.requires_grad_(False)
    before = {name: value.clone() for name, value in module.state_dict().items()}
    ATTACKS["strattack"](sa.Classifier.from_torch(module), IMAGES, labels)
    assert not any(one.training for one in module.modules())
    assert [parameter.requires_grad for parameter in module.parameters()] == [False, True, True, True, True, True]
    assert all((parameter.grad == 3.0).all() for parameter in module.parameters())
    assert all(torch.equal(value, before[name]) for name, value in module.state_dict().items())
    for parameter in module.parameters():
        parameter.grad = None
        parameter.requires_grad_(True)


def test_a_gradient_costs_one_pass_forward_and_one_backward(module, labels):
    watched = Watched(module).eval()
    classifier = sa.Classifier.from_torch(watched)
    attack = sa.SigmaZero(max_iterations=15)
    attack(classifier, IMAGES, labels)
    watched.forwards = watched.backwards = 0
    result = attack(classifier, IMAGES, labels)
    calls = result.calls
    assert watched.backwards == result.gradient_evaluations[0] == 15
    assert watched.forwards == 15 + result.forward_evaluations[0], calls
    assert not watched.graph, "the last pass, which classifies, keeps a graph"


def test_a_gradient_outside_of_programs_is_that_of_the_keras_network(ours, theirs):
    slopes = []
    for classifier in (ours, theirs):
        images = tf.constant(IMAGES)
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(images)
            score = tf.reduce_sum(classifier.logits(images)[:, 0] ** 2)
        slopes += [tape.gradient(score, images), tape.gradient(score, images)]
    for slope in slopes[:3]:
        np.testing.assert_allclose(slope, slopes[3], atol=1e-5)


def test_callers_in_inference_mode_and_with_gradients_off_get_the_same(module, labels, ours):
    expected = ATTACKS["fgm"](ours, IMAGES, labels).adversarial
    for context in (torch.inference_mode(), torch.no_grad()):
        with context:
            result = ATTACKS["fgm"](sa.Classifier.from_torch(module), IMAGES, labels)
        np.testing.assert_array_equal(result.adversarial, expected)


def test_two_threads_at_a_time_find_what_one_finds(ours, labels):
    expected = ATTACKS["sigma_zero"](ours, IMAGES, labels).adversarial
    found = [None, None]

    def attack(place):
        found[place] = ATTACKS["sigma_zero"](ours, IMAGES, labels).adversarial

    threads = [threading.Thread(target=attack, args=(place,)) for place in (0, 1)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for one in found:
        np.testing.assert_array_equal(one, expected)


def test_one_thread_of_tensorflow_and_several_devices_are_enough():
    code = """
import tensorflow as tf, torch, numpy as np, tf_strattack as sa
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
module = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(36, 4)).eval()
classifier = sa.Classifier.from_torch(module)
images = np.random.default_rng(0).uniform(size=(40, 6, 6, 1)).astype(np.float32)
result = sa.SigmaZero(max_iterations=20)(classifier, images, classifier.classify(images))
print("successes:", result.success.sum())
"""
    one = {"TF_NUM_INTRAOP_THREADS": "1", "TF_NUM_INTEROP_THREADS": "1"}
    command = [sys.executable, "-c", code]
    done = subprocess.run(
        command, cwd=ROOT, env={**os.environ, **one}, text=True, capture_output=True, check=False, timeout=PATIENCE
    )
    assert "successes: 40" in done.stdout, done.stderr[-2000:]
