"""Estimators of ART with settings, layouts and precisions of their own are attacked as they predict."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from art.defences.postprocessor import ReverseSigmoid
from art.defences.preprocessor import SpatialSmoothingTensorFlowV2
from art.estimators.classification import TensorFlowV2Classifier
from art.exceptions import EstimatorError

import tf_strattack as sa
from tests.builders import HALF_PRECISION_HEADS, exact_rows, half_precision_network
from tests.slow import first_quick
from tests.tf_strattack.interop.art.estimators import QUICK, small_estimator
from tf_strattack.interop.art import StructuredAttack, to_classifier


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


@pytest.mark.parametrize("kind", first_quick(["keras", "function"]))
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


def test_other_estimators_are_refused_by_art():
    with pytest.raises(EstimatorError):
        StructuredAttack(exact_rows())


@pytest.mark.slow
def test_postprocessing_defences_are_not_seen_by_the_attack():
    plain, images, seen = small_estimator()
    defended, _, _ = small_estimator(postprocessing_defences=ReverseSigmoid())
    found = [StructuredAttack(estimator, **QUICK).generate(images, seen) for estimator in (plain, defended)]
    np.testing.assert_array_equal(*found)


@pytest.mark.parametrize("head", first_quick(HALF_PRECISION_HEADS))
def test_success_in_half_precision_is_what_the_estimator_says(head):
    network, images, labels = half_precision_network(head)
    estimator = TensorFlowV2Classifier(network, nb_classes=4, input_shape=(8, 8, 1), clip_values=(0, 1))
    attack = StructuredAttack(estimator, solver=sa.solvers.ProxLinear(max_iterations=20), refine=False, verbose=False)
    result = attack.result(images, labels)
    seen = np.asarray(estimator.predict(result.adversarial)).astype(np.float32).argmax(axis=1)
    np.testing.assert_array_equal(seen != labels, result.success)
    assert result.success.any()
