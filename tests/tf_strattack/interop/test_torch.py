"""Attacks as functions of tensors, called as adv-lib, SecML-Torch and AttackBench call theirs."""

import functools
import inspect

import keras
import numpy as np
import pytest

import tf_strattack as sa

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402

from tests.torch_twins import twin  # noqa: E402
from tf_strattack.interop import attackbench  # noqa: E402
from tf_strattack.interop.torch import run, str_attack, to_classifier  # noqa: E402

pytestmark = pytest.mark.slow

QUICK = {
    "solver": sa.solvers.ProxLinear(max_iterations=25),
    "fallback": False,
    "restarts": 0,
    "refine": sa.Refinement(solver=sa.solvers.ProxLinear.refining(max_iterations=10)),
}


@pytest.fixture(scope="module")
def module():
    return twin(keras.saving.load_model(sa.shipped.model_path("mnist_cnn"), compile=False))


@pytest.fixture(scope="module")
def digits_of_torch():
    images, labels, _ = sa.shipped.load_sample()
    return tensor_of(images[:6]), torch.from_numpy(labels[:6].astype(np.int64))


def tensor_of(images):
    return torch.from_numpy(np.ascontiguousarray(images.transpose(0, 3, 1, 2)))


def native(module, inputs, labels, targets=None):
    images = inputs.float().numpy().transpose(0, 2, 3, 1)
    classes = None if targets is None else targets.numpy()
    return sa.StrAttack(**QUICK)(sa.Classifier.from_torch(module), images, labels.numpy(), classes)


def test_untargeted_examples_are_those_of_the_native_call(module, digits_of_torch):
    inputs, labels = digits_of_torch
    found = str_attack(model=module, inputs=inputs, labels=labels, targets=None, targeted=False, **QUICK)
    assert found.shape == inputs.shape
    assert found.dtype == torch.float32
    assert found.is_contiguous()
    assert not found.requires_grad
    np.testing.assert_array_equal(found, tensor_of(native(module, inputs, labels).adversarial))
    assert (module(found).argmax(1) != labels).all()


def test_targets_may_come_as_labels_as_in_adv_lib_or_as_targets_as_in_attackbench(module, digits_of_torch):
    inputs, labels = digits_of_torch
    targets = (labels + 1) % 10
    as_labels = str_attack(module, inputs, targets, targeted=True, **QUICK)
    as_targets = str_attack(module, inputs, labels, targets, True, **QUICK)
    expected = native(module, inputs, labels, targets)
    assert expected.success.all()
    for found in (as_labels, as_targets):
        np.testing.assert_array_equal(found, tensor_of(expected.adversarial))


def test_failures_and_unchanged_entries_are_the_inputs_in_every_bit(module, digits_of_torch):
    inputs, labels = digits_of_torch
    exact = inputs.double() * 0.999 + 1e-4 / 3
    assert torch.equal(str_attack(module, exact, labels, epsilon=1e-4, **QUICK), exact)
    found = str_attack(module, exact, labels, **QUICK)
    assert found.dtype == torch.float64
    changed = sa.metrics.l0(native(module, exact, labels).delta)
    np.testing.assert_array_equal((found != exact).sum((1, 2, 3)), changed)


def test_any_attack_is_called_like_one_of_adv_lib(module, digits_of_torch):
    inputs, labels = digits_of_torch
    attack = functools.partial(run, sa.SigmaZero(max_iterations=60))
    found = attack(model=module, inputs=inputs, labels=labels, targeted=False)
    assert (module(found).argmax(1) != labels).all()
    assert ((found != inputs).sum((1, 2, 3)) < 100).all()


def test_a_model_is_compiled_once_and_kept_with_it(digits_of_torch):
    module = nn.Sequential(nn.Flatten(), nn.Linear(784, 10)).eval()
    inputs, labels = digits_of_torch
    attack = functools.partial(run, sa.FGM(norm="l2"))
    attack(module, inputs, labels)
    kept = to_classifier(module, inputs.device)
    attack(module, inputs, labels)
    assert to_classifier(module, inputs.device) is kept
    assert list(module.state_dict()) == ["1.weight", "1.bias"]


def test_secml_torch_calls_it_as_its_own(module, digits_of_torch):
    base = pytest.importorskip("secmlt.adv.evasion.advlib_attacks.advlib_base", exc_type=ImportError)
    from secmlt.models.pytorch.base_pytorch_nn import BasePyTorchClassifier
    from torch.utils.data import DataLoader, TensorDataset

    inputs, labels = digits_of_torch
    loader = DataLoader(TensorDataset(inputs, labels), batch_size=3)
    for target in (None, 7):
        attack = base.BaseAdvLibEvasionAttack(str_attack, y_target=target, **QUICK)
        found = torch.cat([images for images, _ in attack(BasePyTorchClassifier(module), loader)])
        targets = None if target is None else torch.full_like(labels, target)
        true = labels if target is None else (targets + 1) % 10  # SecML-Torch passes no true classes
        expected = native(module, inputs, true, targets)
        np.testing.assert_allclose(found, tensor_of(expected.adversarial), atol=1e-6)


@pytest.mark.parametrize(
    ("change", "line"),
    [
        ({"inputs": np.zeros((2, 1, 28, 28))}, r"expected a tensor \(N, C, H, W\), received ndarray: torch.as_tensor"),
        ({"inputs": torch.zeros(2, 1, 28, 28).half()}, r"received torch.float16: inputs.float\(\)"),
        ({"inputs": torch.zeros(2, 28, 28)}, r"expected inputs of shape \(N, C, H, W\), received \(2, 28, 28\)"),
        ({"inputs": torch.full((2, 1, 28, 28), 7.0)}, "received values from 7 to 7"),
        ({"targets": torch.tensor([1, 2])}, "expected targeted=True with targets, received targeted=False"),
        ({"rho": 3.0}, "rho"),
    ],
    ids=["array", "half", "rank", "range", "targets", "hyper-parameter"],
)
def test_other_arguments_are_refused_in_a_line(change, line, module):
    arguments = {"model": module, "inputs": torch.zeros(2, 1, 28, 28), "labels": torch.tensor([0, 1])}
    with pytest.raises((sa.InputError, TypeError), match=line) as error:
        str_attack(**{**arguments, **change})
    assert "\n" not in str(error.value)


def test_what_is_no_attack_is_refused(module, digits_of_torch):
    with pytest.raises(sa.InputError, match=r"expected an attack, sa.SigmaZero\(\) for instance, received"):
        run(sa.StrAttack, module, *digits_of_torch)


# AttackBench.


def settings_of(function):
    """The local names of a configuration, as sacred reads them."""
    lines = inspect.getsource(function).splitlines()
    names = {}
    exec("\n".join(line.strip() for line in lines[1:]), {}, names)
    return names


def registered():
    """Name → configuration and attack, as AttackBench's attacks/ingredient.py finds them."""
    own = inspect.getmembers(
        attackbench, lambda one: inspect.isfunction(one) and one.__module__ == attackbench.__name__
    )
    functions, prefix = dict(own), f"{attackbench._prefix}_"
    for name, function in functions.items():
        if name.startswith(prefix):
            settings = settings_of(function)
            getter = functions[f"get_{prefix}{settings['name']}"]
            yield name, settings, getter(**{one: settings[one] for one in inspect.signature(getter).parameters})


REGISTERED = {name: (settings, attack) for name, settings, attack in registered()}


class Counting(nn.Module):
    """As the model of AttackBench: it counts passes by row, and answers wrongly once they are spent."""

    def __init__(self, inner, inputs):
        super().__init__()
        self.inner, self.inputs = inner, inputs
        self.passes = np.zeros(len(inputs), int)
        self.rows = None
        inner.register_full_backward_hook(lambda *_: self.count())

    def count(self):
        np.add.at(self.passes, self.rows, 1)

    def forward(self, inputs):
        self.rows = torch.cdist(inputs.detach().flatten(1), self.inputs.flatten(1)).argmin(1).numpy()
        self.count()
        return self.inner(inputs)


@pytest.mark.parametrize("name", REGISTERED)
def test_attacks_of_attackbench_stay_within_its_propagations(name, digits_of_torch):
    settings, attack = REGISTERED[name]
    assert settings["source"] == "tf_strattack"
    assert settings["threat_model"] in ("l0", "l1", "l2")
    inputs = digits_of_torch[0][:2]
    module = nn.Sequential(nn.Flatten(), nn.Linear(784, 20), nn.Tanh(), nn.Linear(20, 10)).eval()
    labels = module(inputs).argmax(1)
    model = Counting(module, inputs).eval()
    found = attackbench._wrapper(model=model, inputs=inputs, labels=labels, attack=attack, targets=None, targeted=False)
    assert (module(found).argmax(1) != labels).all()
    assert model.passes.max() <= 2000
    if "num_steps" in settings:
        assert model.passes.min() > 1900
