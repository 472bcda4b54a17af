"""PyTorch modules: attacked as Keras networks of the same weights are, and left as they were."""

import os
import subprocess
import sys
import threading

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

import tf_strattack as sa
from tests.builders import brief
from tests.programs import ROOT

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402

from tests.torch_twins import twin  # noqa: E402

pytestmark = pytest.mark.slow

IMAGES = np.random.default_rng(0).uniform(size=(12, 9, 9, 2)).astype(np.float32)


def small():
    """A convolution, whose maps are not square, and two layers; smooth, so that rounding does not grow in an attack."""
    keras.utils.set_random_seed(1)
    parts = [
        layers.Conv2D(6, (3, 2), strides=2, activation="tanh"),
        layers.Flatten(),
        layers.Dense(16, activation="tanh"),
        layers.Dense(4),
    ]
    return keras.Sequential([keras.Input((9, 9, 2)), *parts])


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


def wanted(labels, targeted):
    return (labels + 1) % 4 if targeted else None


def check_same(one, other):
    assert other.success.any()
    np.testing.assert_array_equal(one.success, other.success)
    np.testing.assert_allclose(one.adversarial, other.adversarial, rtol=0, atol=1e-4)
    np.testing.assert_array_equal(one.gradient_evaluations, other.gradient_evaluations)
    np.testing.assert_array_equal(one.forward_evaluations, other.forward_evaluations)


ATTACKS = {
    "strattack": brief(20, refining=10, tau=0.3),
    "admm": sa.StrAttack(solver=sa.solvers.Admm(max_iterations=20), refine=False, restarts=0),
    "cw": sa.CarliniWagnerL2(max_iterations=25, search_steps=2, learning_rate=0.05, initial_c=1.0),
    "ead": sa.ElasticNet(max_iterations=25, search_steps=2, learning_rate=0.05, initial_c=1.0),
    "fgm": sa.FGM(norm="l2"),
    "pgd": sa.PGD(norm="l2", epsilon=1.0, steps=10, restarts=1),
    "sigma_zero": sa.SigmaZero(max_iterations=20),
}


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
        command, cwd=ROOT, env={**os.environ, **one}, text=True, capture_output=True, check=False, timeout=300
    )
    assert "successes: 40" in done.stdout, done.stderr[-2000:]


# What a module can be.


class Returning(nn.Module):
    """A module whose output is something else than a tensor of scores."""

    def __init__(self, inner, form):
        super().__init__()
        self.inner, self.form = inner, form

    def forward(self, inputs):
        return self.form(self.inner(inputs))


@pytest.mark.parametrize(
    ("form", "options"),
    [
        (lambda scores: {"features": scores[:, :2], "logits": scores}, {}),
        (lambda scores: (scores[:, :2], scores), {"output": 1}),
        (lambda scores: {"a": scores, "b": scores[:, :2]}, {"output": "a"}),
        (lambda scores: scores.softmax(1), {}),
        (lambda scores: scores.double(), {}),
    ],
    ids=["dictionary", "place", "name", "probabilities", "double"],
)
def test_outputs_of_other_forms_are_understood(form, options, module, theirs, labels):
    classifier = sa.Classifier.from_torch(Returning(module, form).eval(), **options)
    np.testing.assert_array_equal(classifier.classify(IMAGES), labels)
    result, expected = (ATTACKS["fgm"](one, IMAGES, labels) for one in (classifier, theirs))
    np.testing.assert_allclose(result.adversarial, expected.adversarial, atol=1e-3)


def test_one_score_is_two_classes(module):
    classifier = sa.Classifier.from_torch(Returning(module, lambda scores: scores[:, 0]).eval(), outputs="logits")
    seen = classifier.classify(IMAGES)
    with torch.no_grad():
        own = module(torch.from_numpy(IMAGES.transpose(0, 3, 1, 2).copy()))[:, 0].numpy() > 0
    np.testing.assert_array_equal(seen, own)
    assert ATTACKS["strattack"](classifier, IMAGES, seen).success.any()


@pytest.mark.parametrize("precision", [torch.float64, torch.bfloat16])
def test_modules_of_other_precisions_are_attacked_as_they_compute(precision, network):
    module = twin(network).to(precision)
    classifier = sa.Classifier.from_torch(module)
    own = module(torch.from_numpy(IMAGES.transpose(0, 3, 1, 2).copy()).to(precision)).argmax(1).numpy()
    result = ATTACKS["strattack"](classifier, IMAGES, own)
    assert (classifier.resolution > 0) == (precision == torch.bfloat16)
    assert result.success.any()
    assert next(module.parameters()).dtype == precision
    for row in np.flatnonzero(result.success):
        image = torch.from_numpy(result.adversarial[row : row + 1].transpose(0, 3, 1, 2).copy()).to(precision)
        assert module(image).argmax(1).item() != own[row]


def test_a_function_of_tensors_is_attacked(module, ours, labels):
    classifier = sa.Classifier.from_torch(lambda inputs: module(inputs), device="cpu")
    assert "torch function '<lambda>'" in repr(classifier)
    result, expected = (ATTACKS["fgm"](one, IMAGES, labels) for one in (classifier, ours))
    np.testing.assert_array_equal(result.adversarial, expected.adversarial)


def test_bounds_and_preprocessing_are_those_of_the_caller(module, theirs, labels):
    classifier = sa.Classifier.from_torch(module, bounds=(0, 255), preprocessing=lambda images: images / 255)
    result, expected = (ATTACKS["fgm"](*pair, labels) for pair in ((classifier, 255 * IMAGES), (theirs, IMAGES)))
    np.testing.assert_allclose(result.adversarial / 255, expected.adversarial, atol=1e-4)


def test_a_changed_module_is_attacked_as_it_is_now(network):
    module = twin(network)
    classifier = sa.Classifier.from_torch(module)
    labels = classifier.classify(IMAGES)
    attack = ATTACKS["strattack"]
    first = attack(classifier, IMAGES, labels)
    with torch.no_grad():
        module[-1].weight.mul_(-1)
    fresh = sa.Classifier.from_torch(module)
    changed = fresh.classify(IMAGES)
    assert (changed != labels).any()
    np.testing.assert_array_equal(classifier.classify(IMAGES), changed)
    result, expected = (attack(one, IMAGES, changed) for one in (classifier, fresh))
    np.testing.assert_array_equal(result.adversarial, expected.adversarial)
    assert not np.array_equal(result.adversarial, first.adversarial)
    module[-1] = nn.Linear(16, 7).eval()
    assert classifier.predict(IMAGES).shape == (12, 7)
    assert classifier.num_classes == 7
    module.bfloat16()
    classifier.predict(IMAGES)
    assert classifier.resolution > 0


# What is refused.


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
