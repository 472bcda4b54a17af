"""The attack within Foolbox, against the installed package."""

import gc
import weakref

import foolbox
import keras
import numpy as np
import pytest
import tensorflow as tf

import tf_strattack as sa
from tests.builders import HALF_PRECISION_HEADS, exact_rows, half_precision_network
from tests.slow import first_quick
from tf_strattack.interop.foolbox import PGD, SigmaZero, StructuredAttack, refine, to_classifier
from tf_strattack.runtime.progress import Tracker

QUICK = {
    "solver": sa.solvers.ProxLinear(max_iterations=60),
    "fallback": sa.solvers.Admm(max_iterations=60),
    "refine": sa.Refinement(solver=sa.solvers.ProxLinear.refining(max_iterations=20)),
}


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


def small_model(bounds=(0, 1)):
    """A network that runs in no time, its model, five images and what it sees in them."""
    network = exact_rows()
    fmodel = foolbox.TensorFlowModel(network, bounds=bounds)
    images = tf.constant(np.random.default_rng(3).uniform(*bounds, size=(5, 6, 6, 1)), tf.float32)
    return fmodel, images, tf.argmax(fmodel(images), axis=1)


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


@pytest.mark.slow
def test_a_model_with_other_bounds_is_not_taken_for_its_copy():
    fmodel, images, labels = small_model()
    attack = StructuredAttack(**QUICK)
    first = attack(fmodel, images, labels, epsilons=None)[0]
    for inplace in (False, True):
        other = fmodel.transform_bounds((0, 255), inplace=inplace)
        raw, _, success = attack(other, images * 255, labels, epsilons=None)
        assert success.numpy().any()
        assert raw.numpy().max() > 1
        assert to_classifier(other).bounds == (0, 255)
        np.testing.assert_allclose(raw / 255, first, atol=2e-3)


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


def test_a_model_is_compiled_once_for_all_attacks_and_freed():
    traced = []
    network = exact_rows()

    def counted(images):
        traced.append(tf.executing_eagerly())
        return network(images)

    fmodel = foolbox.TensorFlowModel(counted, bounds=(0, 1))
    images = tf.constant(np.random.default_rng(3).uniform(size=(5, 6, 6, 1)), tf.float32)
    labels = tf.argmax(fmodel(images), axis=1)
    StructuredAttack(**QUICK)(fmodel, images, labels, epsilons=None)
    compiled = traced.count(False)
    attack = StructuredAttack(tau=0.2, **QUICK)
    attack(fmodel, images[:3], labels[:3], epsilons=None)
    attack.tau = 0.5  # attributes can be set, as those of other attacks
    assert attack.result(fmodel, images, labels).attack["parameters"]["tau"] == 0.5
    assert traced.count(False) == compiled
    alive = weakref.ref(fmodel)
    del fmodel
    gc.collect()
    assert alive() is None


def test_eagerpy_tensors_come_back_as_such():
    import eagerpy

    fmodel, images, labels = small_model()
    raw, _, success = StructuredAttack(**QUICK)(fmodel, eagerpy.astensor(images), labels, epsilons=None)
    assert isinstance(raw, eagerpy.TensorFlowTensor)
    assert isinstance(success, eagerpy.TensorFlowTensor)


@pytest.mark.parametrize("dtype", [tf.bfloat16, tf.float16, tf.float64])
def test_images_come_back_in_their_own_precision(dtype):
    network = exact_rows()
    fmodel = foolbox.TensorFlowModel(lambda x: tf.cast(network(tf.cast(x, tf.float32)), tf.float32), bounds=(0, 1))
    _, images, _ = small_model()
    images = tf.cast(images, dtype)
    labels = tf.argmax(fmodel(images), axis=1)
    found = StructuredAttack(confidence=0.1, **QUICK).run(fmodel, images, labels)
    refined = refine(fmodel, images, found, labels)
    assert found.dtype == refined.dtype == dtype
    assert (tf.argmax(fmodel(found), axis=1) != labels).numpy().any()


def test_channels_first_is_refused_where_pixels_would_be_taken_for_rows(monkeypatch):
    fmodel, images, labels = small_model()
    monkeypatch.setattr(type(fmodel), "data_format", "channels_first")
    with pytest.raises(sa.InputError, match="received channels_first: transpose in it"):
        StructuredAttack().run(fmodel, images, labels)


def test_a_mask_reaches_the_attack():
    fmodel, images, labels = small_model()
    mask = np.zeros((6, 6), bool)
    mask[:, :4] = True
    raw, _, success = StructuredAttack(epsilon=1.0, **QUICK)(fmodel, images, labels, epsilons=None, mask=mask)
    assert success.numpy().any()
    np.testing.assert_array_equal(raw[:, :, 4:], images[:, :, 4:])


def test_it_can_be_repeated_and_shows_its_parameters():
    fmodel, images, labels = small_model()
    attack = StructuredAttack(tau=0.3, group_size=3, distance=foolbox.distances.l1)
    assert repr(attack).startswith("StructuredAttack(distance=L1 distance, batch_size=None, epsilon=0.6, ")
    for shown in ("tau=0.3", "group_size=3", "solver=prox_linear"):
        assert shown in repr(attack)
    once = attack(fmodel, images, labels, epsilons=None)
    again = attack.repeat(2)(fmodel, images, labels, epsilons=None)
    np.testing.assert_array_equal(once[0], again[0])


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


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda m, x, y: StructuredAttack(search_steps=2),
            r"expected hyper-parameters of StrAttack, received search_steps: solver=sa.solvers.Paper\(search_steps",
        ),
        (lambda m, x, y: StructuredAttack(distance="l2"), "expected a distance of Foolbox.*received 'l2'"),
        (lambda m, x, y: StructuredAttack(batch_size=0), "expected batch_size to be a whole number of at least 1"),
        (lambda m, x, y: StructuredAttack(tau=-1.0), "expected tau to be a number at least 0"),
        (lambda m, x, y: StructuredAttack().run(m, x.numpy(), y), "expected TensorFlow tensors, received ndarray"),
        (
            lambda m, x, y: StructuredAttack().run(m, x, y & y),
            "expected the criterion Misclassification.*received _And",
        ),
        (lambda m, x, y: StructuredAttack().run(exact_rows(), x, y), "expected a model of Foolbox"),
        (lambda m, x, y: StructuredAttack().run(m, x * 2, y), "expected images within the classifier's bounds"),
        (lambda m, x, y: refine(m, x, x * 2, y), "expected images within the classifier's bounds"),
    ],
)
def test_mistakes_get_one_line(call, message):
    fmodel, images, labels = small_model()
    with pytest.raises(sa.InputError, match=message):
        call(fmodel, images, foolbox.criteria.Misclassification(labels))


def test_unknown_arguments_are_refused_as_by_any_attack():
    fmodel, images, labels = small_model()
    with pytest.raises(TypeError, match="unexpected keyword argument 'steps'"):
        StructuredAttack()(fmodel, images, labels, epsilons=None, steps=3)


def test_ctrl_c_reaches_the_host(monkeypatch):
    fmodel, images, labels = small_model()

    def interrupted(*_args, **_kwargs):
        raise KeyboardInterrupt

    attack = StructuredAttack(**QUICK)
    attack(fmodel, images, labels, epsilons=None)
    monkeypatch.setattr(Tracker, "start_batch", interrupted)
    with pytest.raises(KeyboardInterrupt):
        attack(fmodel, images, labels, epsilons=None)


@pytest.mark.parametrize("head", first_quick(HALF_PRECISION_HEADS))
def test_success_in_half_precision_is_what_the_model_says(head):
    network, images, labels = half_precision_network(head)
    fmodel = foolbox.TensorFlowModel(network, bounds=(0, 1))
    result = StructuredAttack(solver=sa.solvers.ProxLinear(max_iterations=20), refine=False).result(
        fmodel, tf.constant(images), tf.constant(labels, tf.int64)
    )
    seen = np.asarray(tf.cast(network(result.adversarial), tf.float32)).argmax(axis=1)
    np.testing.assert_array_equal(seen != labels, result.success)
    assert result.success.any()


@pytest.mark.filterwarnings("ignore::tf_strattack.errors.InputWarning")  # on what one number means
def test_a_model_of_one_output_which_argmax_cannot_decide_is_refused():
    network = keras.Sequential([keras.layers.Input((8, 8, 1)), keras.layers.Flatten(), keras.layers.Dense(1)])
    fmodel = foolbox.TensorFlowModel(network, bounds=(0, 1))
    images = tf.constant(np.random.default_rng(0).uniform(size=(2, 8, 8, 1)), tf.float32)
    with pytest.raises(sa.InputError, match="expected a model that returns a score for each"):
        StructuredAttack()(fmodel, images, tf.constant([0, 1], tf.int64), epsilons=None)


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
