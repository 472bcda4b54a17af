"""Parameters, labels and masks as ART passes them, and one line for each mistake."""

import numpy as np
import pytest
from art.defences.preprocessor import FeatureSqueezing

import tf_strattack as sa
from tests.builders import exact_rows
from tests.slow import first_quick
from tests.tf_strattack.interop.art.estimators import NATIVE, QUICK, small_estimator
from tf_strattack.interop.art import StructuredAttack, refine, to_classifier


def test_parameters_are_set_checked_and_shown(capfd):
    estimator, images, seen = small_estimator()
    attack = StructuredAttack(estimator, **QUICK)
    attack.set_params(tau=0.2, group_size=2, stride=1, targeted=True, batch_size=2)
    targets = (seen + 1) % 4
    expected = sa.StrAttack(tau=0.2, group_size=2, stride=1, **NATIVE)(to_classifier(estimator), images, seen, targets)
    np.testing.assert_array_equal(attack.generate(images, targets), expected.adversarial)
    for shown in ("StructuredAttack(", "tau=0.2", "targeted=True", "batch_size=2", "group_size=2", "verbose=False"):
        assert shown in repr(attack)
    with pytest.raises(ValueError, match="expected tau to be a number at least 0"):
        attack.set_params(tau=-1.0)
    attack.set_params(tau=0.2)
    with pytest.raises(ValueError, match="cannot be set"):
        attack.set_params(sigma_quantile=0.5)
    with pytest.raises(ValueError, match="expected groups or group_size, stride, received both"):
        attack.set_params(groups=3)
    attack.set_params(groups=None)
    with pytest.raises(ValueError, match="expected verbose to be True or False, received 3"):
        attack.set_params(verbose=3)
    assert capfd.readouterr().err == ""
    attack.set_params(verbose=True)
    attack.generate(images, targets)
    assert "5/5" in capfd.readouterr().err


@pytest.mark.parametrize("kind", first_quick([lambda y: np.eye(4)[y], list, np.float64, lambda y: y[:, None]]))
def test_labels_of_any_form_of_art_do(kind):
    estimator, images, seen = small_estimator()
    attack = StructuredAttack(estimator, **QUICK)
    np.testing.assert_array_equal(attack.generate(images, kind(seen)), attack.generate(images, seen))


def test_a_mask_for_all_channels_does():
    estimator, images, seen = small_estimator()
    mask = np.zeros((6, 6))
    mask[:, :4] = 1
    attack = StructuredAttack(estimator, epsilon=1.0, **QUICK)
    expected = attack.generate(images, seen, mask=mask[..., None])
    assert (expected != images).any()
    np.testing.assert_array_equal(attack.generate(images, seen, mask=mask), expected)
    np.testing.assert_array_equal(attack.generate(images, seen, mask=np.stack([mask] * 5)), expected)


@pytest.mark.parametrize(
    ("options", "call", "message"),
    [
        (
            {},
            lambda e, x, y: StructuredAttack(e, rho=2),
            "expected hyper-parameters of StrAttack, received rho: solver=sa.solvers",
        ),
        ({}, lambda e, x, y: StructuredAttack(e, targeted="yes"), "expected targeted to be True or False"),
        ({}, lambda e, x, y: StructuredAttack(e, targeted=True).generate(x), "expected y, the classes to reach"),
        ({}, lambda e, x, y: StructuredAttack(e).generate(x, y, mask=np.ones(5)), "a mask that broadcasts to"),
        ({}, lambda e, x, y: StructuredAttack(e).generate(x[:1], np.array(1)), "expected y of shape"),
        ({}, lambda e, x, y: StructuredAttack(e).generate(x, np.eye(12)[y]), "expected y of shape .*4.*received float"),
        ({}, lambda e, x, y: StructuredAttack(e).generate(x, y + 0.5), "numbers that are not whole"),
        ({}, lambda e, x, y: StructuredAttack(e).generate(x, y + 4), "expected y from 0 to 3, received"),
        ({}, lambda e, x, y: StructuredAttack(e, batch_size="x"), "expected batch_size to be a whole number"),
        ({}, lambda e, x, y: StructuredAttack(e).generate(x * 2, y), "expected images within the classifier's bounds"),
        ({"clip_values": None}, lambda e, x, y: StructuredAttack(e).generate(x, y), "an estimator with clip_values"),
        (
            {"clip_values": (np.zeros((6, 6, 1)), np.linspace(1, 2, 36).reshape(6, 6, 1))},
            lambda e, x, y: StructuredAttack(e).generate(x, y),
            "expected clip_values .* of two numbers",
        ),
        (
            {"preprocessing_defences": FeatureSqueezing(clip_values=(0, 1))},
            lambda e, x, y: StructuredAttack(e).generate(x, y),
            "expected preprocessing in TensorFlow.*Feature",
        ),
        ({}, lambda e, x, y: refine(exact_rows(), x, x, y), "expected an estimator TensorFlowV2Classifier"),
    ],
    ids=[
        "name",
        "targeted",
        "no_targets",
        "mask",
        "scalar",
        "wide",
        "half",
        "beyond",
        "batch",
        "scale",
        "no_clips",
        "feature_clips",
        "defence",
        "model",
    ],
)
def test_mistakes_get_one_line(options, call, message):
    estimator, images, seen = small_estimator(**options)
    with pytest.raises(sa.InputError, match=message):
        call(estimator, images, seen)


def test_unknown_arguments_are_refused():
    estimator, images, seen = small_estimator()
    with pytest.raises(TypeError, match="steps"):
        StructuredAttack(estimator).generate(images, seen, steps=3)
