"""PyTorch modules of other outputs and precisions, functions of tensors, and modules that change."""

import numpy as np
import pytest

import tf_strattack as sa
from tests.tf_strattack.classifiers.torch_modules.cases import ATTACKS, IMAGES

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402

from tests.torch_twins import twin  # noqa: E402

pytestmark = pytest.mark.slow


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
