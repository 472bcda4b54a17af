"""The attack within ART, against the installed package: its examples are those of the native call."""

import art.utils
import keras
import numpy as np
import pytest
from art.attacks import EvasionAttack
from art.attacks.evasion import ProjectedGradientDescent
from art.estimators.classification import TensorFlowV2Classifier

import tf_strattack as sa
from tests.tf_strattack.interop.art.estimators import NATIVE, QUICK, small_estimator
from tf_strattack.interop.art import PGD, SigmaZero, StructuredAttack, refine, to_classifier
from tf_strattack.runtime.progress import Tracker


@pytest.fixture(scope="module")
def estimator():
    network = keras.saving.load_model(sa.shipped.model_path("mnist_cnn"), compile=False)
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    return TensorFlowV2Classifier(
        network, nb_classes=10, input_shape=(28, 28, 1), loss_object=loss, clip_values=(0.0, 1.0)
    )


@pytest.fixture(scope="module")
def examples(digits):
    return tuple(part[4:10] for part in digits)


def test_targeted_examples_are_those_of_the_native_call(estimator, mnist, examples):
    images, labels, targets = examples
    given = images.copy()
    attack = StructuredAttack(estimator, targeted=True, **QUICK)
    assert isinstance(attack, EvasionAttack)
    adversarial = attack.generate(given, targets)
    native = sa.StrAttack(**NATIVE)(mnist, images, labels, targets)
    np.testing.assert_allclose(adversarial, native.adversarial, rtol=0, atol=1e-6)
    np.testing.assert_array_equal(given, images)
    assert adversarial.dtype == np.float32
    one_hot = art.utils.to_categorical(targets, 10)
    success = art.utils.compute_success_array(estimator, images, one_hot, adversarial, targeted=True)
    np.testing.assert_array_equal(success, native.success)
    np.testing.assert_array_equal(attack.generate(x=images, y=one_hot), adversarial)
    np.testing.assert_array_equal(attack.generate(x=images, y=targets[:, None]), adversarial)


@pytest.mark.slow
def test_untargeted_examples_are_those_of_the_native_call(estimator, mnist, examples):
    images, labels, _ = examples
    adversarial = StructuredAttack(estimator, group_size=3, stride=2, tau=1.0, **QUICK).generate(images)
    native = sa.StrAttack(group_size=3, stride=2, tau=1.0, **NATIVE)(mnist, images, labels)
    np.testing.assert_allclose(adversarial, native.adversarial, rtol=0, atol=1e-6)
    one_hot = art.utils.to_categorical(labels, 10)
    assert art.utils.compute_success(estimator, images, one_hot, adversarial) == native.success.mean() == 1


@pytest.mark.slow
def test_no_labels_are_those_that_the_estimator_sees():
    estimator, images, seen = small_estimator()
    attack = StructuredAttack(estimator, **QUICK)
    expected = attack.generate(images, seen)
    assert (estimator.predict(expected).argmax(axis=1) != seen).any()
    np.testing.assert_array_equal(attack.generate(images, None), expected)
    np.testing.assert_array_equal(attack.generate(x=images, y=None), expected)
    np.testing.assert_array_equal(attack.generate(images, (seen + 1) % 4), images)  # wrong already


def test_refinement_sharpens_what_art_finds(estimator, examples):
    images, labels, targets = examples
    attack = ProjectedGradientDescent(
        estimator, norm=2, eps=4.0, eps_step=0.5, max_iter=20, targeted=True, verbose=False
    )
    theirs = attack.generate(images, targets)
    success = estimator.predict(theirs).argmax(axis=1) == targets
    assert success.sum() >= 4
    ours = refine(estimator, images, theirs, targets, targeted=True)
    np.testing.assert_array_equal(estimator.predict(ours).argmax(axis=1) == targets, success)
    np.testing.assert_array_equal(ours[~success], theirs[~success])
    before, after = ((found - images)[success] for found in (theirs, ours))
    assert (sa.metrics.l0(after) < sa.metrics.l0(before)).all()
    assert (sa.metrics.l2(after) < sa.metrics.l2(before)).all()
    native = sa.refine(to_classifier(estimator), images, theirs, labels, targets)
    np.testing.assert_array_equal(ours, native.adversarial)


def test_ctrl_c_reaches_the_host(monkeypatch):
    estimator, images, seen = small_estimator()

    def interrupted(*_args, **_kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(Tracker, "start_batch", interrupted)
    with pytest.raises(KeyboardInterrupt):
        StructuredAttack(estimator, **QUICK).generate(images, seen)


@pytest.mark.parametrize(("kind", "native"), [(PGD, sa.PGD), (SigmaZero, sa.SigmaZero)])
def test_other_attacks_are_those_of_the_native_call(kind, native):
    estimator, images, labels = small_estimator()
    parameters = {"epsilon": 0.5} | ({"steps": 9} if native is sa.PGD else {"max_iterations": 60})
    attack = kind(estimator, verbose=False, **parameters)
    result = native(**parameters)(to_classifier(estimator), images, labels)
    np.testing.assert_allclose(attack.generate(images, labels), result.adversarial, atol=1e-6)
    assert result.success.any()
    attack.set_params(epsilon=0.1)
    assert attack.result(images, labels).attack["parameters"]["epsilon"] == 0.1
