"""Models that change after an attack are looked at again, and others are compiled once."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from keras import layers

import tf_strattack as sa
from tests.tf_strattack.classifiers.conversions.notes import ATTACK
from tests.tf_strattack.classifiers.networks import IMAGES, SIDE


def test_a_keras_model_goes_wherever_a_classifier_does_and_is_compiled_once(model, labels):
    targets = (labels + 1) % 4
    result = ATTACK(model, IMAGES, labels, targets)
    kept = model.__dict__["_strattack_classifier"].classifier
    sa.refine(model, IMAGES, result.adversarial, labels, targets)
    sa.quantize(model, IMAGES, result.adversarial, labels, targets)
    assert sa.interpret.asm(model, IMAGES, labels, targets).shape == IMAGES.shape
    assert sa.interpret.grad_cam(model, IMAGES, labels).shape == IMAGES.shape[:3]
    assert model.__dict__["_strattack_classifier"].classifier is kept
    programs = len(kept._remembered)
    ATTACK(model, IMAGES, labels, targets)
    assert len(kept._remembered) == programs


def quantize(model):
    model.quantize("int8")


def adapt_to_low_rank(model):
    model.layers[-1].enable_lora(2)
    model.layers[-1].lora_kernel_b.assign(np.random.default_rng(0).normal(size=model.layers[-1].lora_kernel_b.shape))


def normalize_otherwise(model):
    model.layers[0].adapt(1 - 3 * IMAGES)


def rescale_otherwise(model):
    model.layers[1].scale, model.layers[1].offset = -1.0, 1.0


def predict_otherwise(model):
    model.predict_step = lambda data: model(1.0 - data, training=False)


def train(model):
    model.compile("sgd", "sparse_categorical_crossentropy")
    model.fit(IMAGES, np.arange(12) % 4, epochs=3, verbose=0)


@pytest.mark.parametrize(
    ("change", "explicit"),
    [
        pytest.param(quantize, True, marks=pytest.mark.slow),
        pytest.param(quantize, False, marks=pytest.mark.slow),
        pytest.param(adapt_to_low_rank, True, marks=pytest.mark.slow),
        pytest.param(normalize_otherwise, False, marks=pytest.mark.slow),
        pytest.param(rescale_otherwise, True, marks=pytest.mark.slow),
        pytest.param(predict_otherwise, False, marks=pytest.mark.slow),
        (train, False),
    ],
)
def test_a_model_that_has_changed_is_looked_at_again(change, explicit):
    keras.utils.set_random_seed(0)
    model = keras.Sequential(
        [
            layers.Input((SIDE, SIDE, 1)),
            layers.Normalization(),
            layers.Rescaling(1.0),
            layers.Flatten(),
            layers.Dense(16, activation="relu"),
            layers.Dense(4, activation="softmax"),
        ]
    )
    model.layers[0].adapt(IMAGES)
    model.set_weights([2 * weight if weight.ndim == 2 else weight for weight in model.get_weights()])
    stated = sa.Classifier.from_keras(model) if explicit else None
    ATTACK(stated or model, IMAGES, np.asarray(model(IMAGES)).argmax(axis=1))
    change(model)  # before Keras compiles predict, which it does once
    labels = model.predict(IMAGES, verbose=0).argmax(axis=1)
    result = ATTACK(stated or model, IMAGES, labels)
    assert result.clean_correct.all()
    np.testing.assert_array_equal(model.predict(result.adversarial, verbose=0).argmax(axis=1) != labels, result.success)


class Remembers(layers.Layer):
    """A layer that keeps what it has seen last, as attention maps are kept."""

    def call(self, images):
        self.seen = images
        return images


def test_a_layer_that_keeps_what_it_has_seen_changes_nothing():
    model = keras.Sequential([layers.Input((SIDE, SIDE, 1)), Remembers(), layers.Flatten(), layers.Dense(4)])
    classifier = sa.Classifier.from_keras(model)
    labels = classifier.classify(IMAGES)
    found = classifier._findings
    ATTACK(classifier, IMAGES, labels)
    assert classifier._findings is found


def test_a_function_that_has_changed_is_looked_at_again():
    weights = {"now": tf.constant(np.random.default_rng(0).normal(size=(SIDE * SIDE, 4)), tf.float32)}

    def network(images):
        return tf.reshape(images, [-1, SIDE * SIDE]) @ weights["now"]

    classifier = sa.Classifier.from_callable(network)
    ATTACK(classifier, IMAGES, classifier.classify(IMAGES))
    weights["now"] = -weights["now"]
    labels = np.asarray(network(IMAGES)).argmax(axis=1)
    result = ATTACK(classifier, IMAGES, labels)
    assert result.clean_correct.all()
    np.testing.assert_array_equal(np.asarray(network(result.adversarial)).argmax(axis=1) != labels, result.success)
