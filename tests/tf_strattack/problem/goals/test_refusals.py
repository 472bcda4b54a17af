"""Goals that cannot be joined, and labels that cannot be, are refused in one line."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import tf_strattack as sa
from tests.builders import exact_rows


def refused(message, make):
    with pytest.raises(sa.InputError) as error:
        make()
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_what_cannot_be_joined_is_refused(networks, images):
    labels = networks[0].classify(images)
    other = sa.Classifier.from_callable(exact_rows(), bounds=(0, 255))
    more = sa.Classifier.from_callable(exact_rows(classes=5))
    shaped = [
        sa.Classifier.from_keras(
            keras.Sequential([keras.Input((side, side, 1)), keras.layers.Flatten(), keras.layers.Dense(4)])
        )
        for side in (6, 8)
    ]
    refused("within the same bounds, received (0.0, 1.0) and (0.0, 255.0)", lambda: sa.AllOf([networks[0], other]))
    refused("images of the same shape, received (6, 6, 1) and (8, 8, 1)", lambda: sa.AnyOf(shaped))
    refused("at least one classifier or goal, received none", lambda: sa.AllOf([]))
    refused("expected AllOf of a list of classifiers or goals", lambda: sa.AllOf(networks[0]))
    refused("with the same classes, received 4 and 5", lambda: sa.FGM()(sa.AllOf([networks[0], more]), images, labels))
    refused(
        "pass the network of the goal, its classifier", lambda: sa.interpret.asm(sa.AllOf(networks), images, labels, 1)
    )
    refused("k to be a whole number of at least 1", lambda: sa.TopK(networks[0], 0))
    refused("k below the number of classes, 4, received k=4", lambda: sa.FGM()(sa.TopK(networks[0], 4), images, labels))


def test_labels_that_cannot_be_are_refused(networks, tags, images):
    labels = networks[0].classify(images)
    refused("received [1] in both on and off", lambda: sa.MultiLabel(tags, on={1, 2}, off={1}))
    refused("numbers of labels, {2, 5}, or booleans", lambda: sa.MultiLabel(tags, on=[0.5]))
    refused("labels from 0 to 3 in on, received [9]", lambda: sa.FGM()(sa.MultiLabel(tags, on={9}), images, labels))
    refused(
        "expected on of shape (8, 4)", lambda: sa.FGM()(sa.MultiLabel(tags, on=np.ones((3, 4), bool)), images, labels)
    )
    refused("received none for row 0", lambda: sa.FGM()(sa.MultiLabel(tags, on=np.zeros((8, 4), bool)), images, labels))
    refused(
        "no targets with a MultiLabel that names labels",
        lambda: sa.FGM()(sa.MultiLabel(tags, on={1}), images, labels, (labels + 1) % 4),
    )
    softmax = sa.Classifier.from_callable(lambda x: tf.nn.softmax(exact_rows()(x)))
    refused("a sigmoid or a logit for each label", lambda: sa.FGM()(sa.MultiLabel(softmax, on={1}), images, labels))
