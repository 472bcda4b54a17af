"""The attack within ART, against the installed package."""

import art.utils
import keras
import numpy as np
import pytest
import tensorflow as tf
from art.attacks import EvasionAttack
from art.attacks.evasion import ProjectedGradientDescent
from art.defences.postprocessor import ReverseSigmoid
from art.defences.preprocessor import FeatureSqueezing, SpatialSmoothingTensorFlowV2
from art.estimators.classification import TensorFlowV2Classifier
from art.exceptions import EstimatorError

import tf_strattack as sa
from tests.builders import HALF_PRECISION_HEADS, exact_rows, half_precision_network
from tests.slow import first_quick
from tf_strattack.interop.art import PGD, SigmaZero, StructuredAttack, refine, to_classifier
from tf_strattack.runtime.progress import Tracker

NATIVE = {
    "solver": sa.solvers.ProxLinear(max_iterations=60),
    "fallback": sa.solvers.Admm(max_iterations=60),
    "refine": sa.Refinement(solver=sa.solvers.ProxLinear.refining(max_iterations=20)),
}
QUICK = {**NATIVE, "verbose": False}


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


def small_estimator(**options):
    """A classifier of a network that runs in no time, five images and what it sees in them."""
    network = exact_rows()
    settings = {"nb_classes": 4, "input_shape": (6, 6, 1), "clip_values": (0.0, 1.0)} | options
    estimator = TensorFlowV2Classifier(lambda x, training: network(x), **settings)
    images = np.random.default_rng(3).uniform(size=(5, 6, 6, 1)).astype(np.float32)
    return estimator, images, network(images).numpy().argmax(axis=1)


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


@pytest.mark.slow
def test_clip_values_and_preprocessing_are_those_of_the_estimator():
    estimator, images, seen = small_estimator()
    expected = StructuredAttack(estimator, **QUICK).generate(images, seen)
    scaled, _, _ = small_estimator(clip_values=(0.0, 255.0), preprocessing=(0.0, 255.0))
    found = StructuredAttack(scaled, **QUICK).generate(images * 255, seen)
    assert to_classifier(scaled).bounds == (0, 255)
    assert found.max() > 1
    np.testing.assert_allclose(found / 255, expected, atol=2e-3)


def test_a_defence_in_tensorflow_is_attacked_through():
    defence = SpatialSmoothingTensorFlowV2(window_size=3, channels_first=False)
    estimator, images, _ = small_estimator(preprocessing_defences=defence)
    seen = estimator.predict(images).argmax(axis=1)
    adversarial = StructuredAttack(estimator, epsilon=1.0, **QUICK).generate(images, seen)
    native = to_classifier(estimator)
    np.testing.assert_allclose(native.predict(adversarial), estimator.predict(adversarial), atol=1e-5)
    assert (estimator.predict(adversarial).argmax(axis=1) != seen).any()
    # Settings that change make another classifier, and one that is left alone the same.
    assert to_classifier(estimator) is native
    defence.window_size = 5
    changed = to_classifier(estimator)
    assert changed is not native
    np.testing.assert_allclose(changed.predict(images), estimator.predict(images), atol=1e-5)
    estimator.set_params(preprocessing_defences=None)
    assert to_classifier(estimator) is not changed


def test_layers_that_change_are_seen():
    keras.utils.set_random_seed(0)
    layers = [keras.Input((6, 6, 1)), keras.layers.Flatten(), keras.layers.Dense(4)]
    network = keras.Sequential(layers)
    estimator = TensorFlowV2Classifier(network, nb_classes=4, input_shape=(6, 6, 1), clip_values=(0.0, 1.0))
    _, images, _ = small_estimator()
    before = to_classifier(estimator).predict(images)
    network.pop()
    network.add(keras.layers.Dense(4))
    assert np.abs(to_classifier(estimator).predict(images) - before).max() > 0.1
    np.testing.assert_allclose(to_classifier(estimator).predict(images), network(images), atol=1e-5)


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


def test_a_softmax_at_the_end_is_left_out():
    layers = [keras.Input((6, 6, 1)), keras.layers.Flatten(), keras.layers.Dense(4, activation="softmax")]
    keras.utils.set_random_seed(0)
    estimator = TensorFlowV2Classifier(
        keras.Sequential(layers), nb_classes=4, input_shape=(6, 6, 1), clip_values=(0.0, 1.0)
    )
    _, images, _ = small_estimator()
    classifier = to_classifier(estimator)
    scores = classifier.predict(images)
    assert classifier.outputs == "logits"
    np.testing.assert_allclose(tf.nn.softmax(scores), estimator.predict(images), atol=1e-6)


@pytest.mark.parametrize("kind", ["function", "keras"])
def test_channels_first_images_keep_their_layout(kind):
    rng = np.random.default_rng(0)
    images = rng.uniform(size=(4, 3, 6, 6)).astype(np.float32)
    last = exact_rows(side=6)

    def network(x, training=False):
        return last(tf.transpose(x, [0, 2, 3, 1])[..., 1:2])

    if kind == "keras":
        inputs = keras.Input((3, 6, 6))
        middle = keras.layers.Lambda(lambda x: x[:, 1])(inputs)
        model = keras.Model(inputs, keras.layers.Dense(4)(keras.layers.Flatten()(middle)))
    else:
        model = network
    estimator = TensorFlowV2Classifier(
        model, nb_classes=4, input_shape=(3, 6, 6), clip_values=(0.0, 1.0), channels_first=True
    )
    seen = estimator.predict(images).argmax(axis=1)
    mask = np.ones((1, 1, 6, 6))
    mask[..., 5] = 0
    adversarial = StructuredAttack(estimator, epsilon=1.0, **QUICK).generate(images, seen, mask=mask)
    assert adversarial.shape == images.shape
    changed = adversarial != images
    assert changed.any()
    assert not changed[:, [0, 2]].any(), "the network does not see the first and the last channel"
    assert not changed[..., 5].any()


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


def test_other_estimators_are_refused_by_art():
    with pytest.raises(EstimatorError):
        StructuredAttack(exact_rows())


def test_unknown_arguments_are_refused():
    estimator, images, seen = small_estimator()
    with pytest.raises(TypeError, match="steps"):
        StructuredAttack(estimator).generate(images, seen, steps=3)


@pytest.mark.slow
def test_postprocessing_defences_are_not_seen_by_the_attack():
    plain, images, seen = small_estimator()
    defended, _, _ = small_estimator(postprocessing_defences=ReverseSigmoid())
    found = [StructuredAttack(estimator, **QUICK).generate(images, seen) for estimator in (plain, defended)]
    np.testing.assert_array_equal(*found)


def test_ctrl_c_reaches_the_host(monkeypatch):
    estimator, images, seen = small_estimator()

    def interrupted(*_args, **_kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr(Tracker, "start_batch", interrupted)
    with pytest.raises(KeyboardInterrupt):
        StructuredAttack(estimator, **QUICK).generate(images, seen)


@pytest.mark.parametrize("head", first_quick(HALF_PRECISION_HEADS))
def test_success_in_half_precision_is_what_the_estimator_says(head):
    network, images, labels = half_precision_network(head)
    estimator = TensorFlowV2Classifier(network, nb_classes=4, input_shape=(8, 8, 1), clip_values=(0, 1))
    attack = StructuredAttack(estimator, solver=sa.solvers.ProxLinear(max_iterations=20), refine=False, verbose=False)
    result = attack.result(images, labels)
    seen = np.asarray(estimator.predict(result.adversarial)).astype(np.float32).argmax(axis=1)
    np.testing.assert_array_equal(seen != labels, result.success)
    assert result.success.any()


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
