"""The attack within Foolbox, against the installed package: its examples are those of the native call."""

import foolbox
import keras
import numpy as np
import pytest
import tensorflow as tf

import tf_strattack as sa
from tests.tf_strattack.interop.foolbox.models import QUICK, small_model
from tf_strattack.interop.foolbox import PGD, SigmaZero, StructuredAttack, refine, to_classifier


@pytest.fixture(scope="module")
def network():
    return keras.saving.load_model(sa.shipped.model_path("mnist_cnn"), compile=False)


@pytest.fixture(scope="module")
def fmodel(network):
    return foolbox.TensorFlowModel(network, bounds=(0, 1))


@pytest.fixture(scope="module")
def examples(digits):
    images, labels, targets = (part[4:10] for part in digits)
    return tf.constant(images), tf.constant(labels, tf.int64), tf.constant(targets, tf.int64)


def test_targeted_examples_are_those_of_the_native_call(fmodel, mnist, examples):
    images, labels, targets = examples
    criterion = foolbox.criteria.TargetedMisclassification(targets)
    raw, clipped, success = StructuredAttack(**QUICK)(fmodel, images, criterion, epsilons=None)
    native = sa.StrAttack(**QUICK)(mnist, images, labels, targets)
    np.testing.assert_allclose(raw, native.adversarial, rtol=0, atol=1e-6)
    np.testing.assert_array_equal(clipped, raw)
    np.testing.assert_array_equal(success, native.success)
    assert success.numpy().all()
    assert raw.dtype == tf.float32


@pytest.mark.slow
def test_untargeted_examples_are_those_of_the_native_call(fmodel, mnist, examples):
    images, labels, _ = examples
    attack = StructuredAttack(group_size=3, stride=2, tau=1.0, **QUICK)
    raw, _, success = attack(fmodel, images, labels, epsilons=None)  # labels alone: Misclassification
    native = sa.StrAttack(group_size=3, stride=2, tau=1.0, **QUICK)(mnist, images, labels)
    np.testing.assert_allclose(raw, native.adversarial, rtol=0, atol=1e-6)
    np.testing.assert_array_equal(success, native.success)


@pytest.mark.slow
def test_several_epsilons_succeed_where_the_distance_is_below(fmodel, examples):
    images, labels, _ = examples
    attack = StructuredAttack(**QUICK)
    native = attack.result(fmodel, images, labels)
    distances = sa.metrics.l2(native.delta)
    epsilons = [None, distances.max() * 1.01, np.median(distances), distances.min() / 2]
    raw, clipped, success = attack(fmodel, images, labels, epsilons=epsilons)
    assert len(raw) == len(clipped) == 4
    assert success.shape == (4, 6)
    for row, (epsilon, cut) in enumerate(zip(epsilons, clipped, strict=True)):
        below = np.full(6, True) if epsilon is None else distances <= epsilon
        assert success.numpy()[row][below].all()
        if epsilon is not None:
            assert sa.metrics.l2(cut.numpy() - images.numpy()).max() <= epsilon * (1 + 1e-5)
    # Cut along its own direction, a perturbation keeps its pattern.
    unchanged = raw[0].numpy() == images.numpy()
    np.testing.assert_array_equal(clipped[3].numpy()[unchanged], images.numpy()[unchanged])
    assert not success.numpy()[3].any(), "half of the least distance should fool nothing"


@pytest.mark.slow
def test_bounds_and_preprocessing_of_the_model_are_kept(network, mnist, examples):
    images, labels, targets = examples
    shift, scale = np.float32(0.25 * 255), np.float32(2.0)
    scaled = foolbox.TensorFlowModel(
        lambda x: network(x * scale + 0.25),
        bounds=(0, 255),
        preprocessing={"mean": shift, "std": np.float32(2.0 * 255)},
    )
    criterion = foolbox.criteria.TargetedMisclassification(targets)
    raw, _, success = StructuredAttack(**QUICK)(scaled, images * 255, criterion, epsilons=None)
    native = sa.StrAttack(**QUICK)(mnist, images, labels, targets)
    assert success.numpy().all()
    assert raw.numpy().min() >= 0
    assert raw.numpy().max() <= 255
    # Another arithmetic of the same network: as far but for rounding, which iterations amplify in single examples.
    theirs, ours = sa.metrics.l2((raw - images * 255).numpy() / 255), sa.metrics.l2(native.delta)
    np.testing.assert_allclose(theirs.mean(), ours.mean(), rtol=0.02)
    np.testing.assert_allclose(theirs, ours, rtol=0.1)


def test_inputs_that_are_adversarial_already_come_back_as_they_are():
    fmodel, images, seen = small_model()
    wrong = (seen + 1) % 4
    for criterion in (wrong, foolbox.criteria.TargetedMisclassification(seen)):
        raw, _, success = StructuredAttack(**QUICK)(fmodel, images, criterion, epsilons=None)
        np.testing.assert_array_equal(raw, images)
        assert success.numpy().all()


def test_what_fails_is_the_input_without_success():
    fmodel, images, labels = small_model()
    raw, _, success = StructuredAttack(epsilon=1e-4, **QUICK)(fmodel, images, labels, epsilons=[1.0])
    assert not success.numpy().any()
    np.testing.assert_array_equal(raw[0], images)


@pytest.mark.slow
def test_refinement_sharpens_what_foolbox_finds(fmodel, examples):
    images, labels, targets = examples
    criterion = foolbox.criteria.TargetedMisclassification(targets)
    theirs, _, success = foolbox.attacks.L2CarliniWagnerAttack(
        binary_search_steps=3, steps=60, stepsize=0.05, initial_const=1.0
    )(fmodel, images, criterion, epsilons=None)
    success = success.numpy()
    assert success.sum() >= 4
    ours = refine(fmodel, images, theirs, criterion)
    np.testing.assert_array_equal(criterion(ours, fmodel(ours)), success)
    np.testing.assert_array_equal(ours[~success], theirs[~success])
    before, after = (found.numpy()[success] - images.numpy()[success] for found in (theirs, ours))
    assert (sa.metrics.l0(after) < sa.metrics.l0(before)).all()
    assert sa.metrics.l2(after).mean() < sa.metrics.l2(before).mean()
    native = sa.refine(to_classifier(fmodel), images, np.clip(theirs, 0, 1), labels, targets)
    np.testing.assert_array_equal(ours, native.adversarial)


@pytest.mark.parametrize(("kind", "native"), [(PGD, sa.PGD), (SigmaZero, sa.SigmaZero)])
def test_other_attacks_are_those_of_the_native_call(kind, native):
    fmodel, images, labels = small_model()
    parameters = {"epsilon": 0.5} | ({"steps": 9} if native is sa.PGD else {"max_iterations": 60})
    raw, _, success = kind(**parameters)(fmodel, images, labels, epsilons=None)
    result = native(**parameters)(to_classifier(fmodel), images.numpy(), labels.numpy())
    np.testing.assert_allclose(raw, result.adversarial, atol=1e-6)
    np.testing.assert_array_equal(success, result.success)
    assert result.success.any()
    with pytest.raises(
        sa.InputError, match=f"starting_points with StructuredAttack, received them with {kind.__name__}"
    ):
        kind(**parameters)(fmodel, images, labels, epsilons=None, starting_points=images)
    with pytest.raises(sa.InputError, match=f"expected hyper-parameters of {kind.__name__}, received tau"):
        kind(tau=1.0)
