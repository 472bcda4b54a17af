"""From where an attack can be called: each other place is one line."""

import keras
import numpy as np
import pytest
import tensorflow as tf

import tf_strattack as sa
from tests.programs import run_code

START = """
import tensorflow as tf
import sys
{before}
import tf_strattack as sa
images, labels, _ = sa.shipped.load_sample()
images, labels = images[:2], labels[:2]
try:
    {call}
except sa.InputError as error:
    print(error)
"""
TWO_DEVICES = (
    "tf.config.set_logical_device_configuration(tf.config.list_physical_devices('CPU')[0], "
    "[tf.config.LogicalDeviceConfiguration()] * 2)"
)


def printed(before, call):
    status, out, err = run_code(START.format(before=before, call=call))
    assert status == 0, err[-2000:]
    return out.strip()


def test_within_a_graph_it_is_one_line(mnist, digits):
    images, labels, _ = (part[:2] for part in digits)

    @tf.function
    def compiled(images):
        return sa.FGM()(mnist, images, labels).adversarial

    def mapped(images, labels):
        return sa.FGM()(mnist, images, labels).adversarial

    data = tf.data.Dataset.from_tensor_slices((images, labels)).batch(2)
    for call in (lambda: compiled(images), lambda: data.map(mapped)):
        with pytest.raises(sa.InputError, match=r"expected a call in Python, received one within a graph") as error:
            call()
        assert "\n" not in str(error.value)
    for batch, classes in data:  # the remedy
        assert sa.FGM()(mnist, batch, classes).adversarial.shape == (2, 28, 28, 1)


def test_without_eager_execution_it_is_one_line():
    said = printed(
        "",
        "classifier = sa.shipped.load_classifier(); tf.compat.v1.disable_eager_execution(); "
        "sa.FGM()(classifier, images, labels)",
    )
    assert said.startswith("expected eager execution, received a program that has switched it off")
    assert "\n" not in said


def test_in_the_scope_of_another_strategy_it_is_one_line_and_after_it_an_attack():
    said = printed(
        TWO_DEVICES,
        "\n    ".join(
            [
                "with tf.distribute.MirroredStrategy(['CPU:0']).scope():",
                "    inside = sa.shipped.load_classifier()",
                "print(len(sa.FGM()(sa.shipped.load_classifier(), images, labels)))",
                "with tf.distribute.MirroredStrategy(['CPU:0']).scope():",
                "    sa.FGM()(sa.shipped.load_classifier(), images, labels)",
            ]
        ),
    ).splitlines()
    assert said[-2] == "2"
    assert said[-1].startswith("expected a call outside of strategy.scope(), received one inside")


def test_on_one_device_the_scope_of_a_strategy_changes_nothing(mnist, digits):
    images, labels, _ = (part[:2] for part in digits)
    with tf.distribute.OneDeviceStrategy("CPU:0").scope():
        inside = sa.FGM()(mnist, images, labels)
    np.testing.assert_array_equal(inside.adversarial, sa.FGM()(mnist, images, labels).adversarial)


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_another_backend_of_keras_is_one_line(monkeypatch, backend):
    model = keras.Sequential([keras.layers.Input((6, 6, 1)), keras.layers.Flatten(), keras.layers.Dense(3)])
    monkeypatch.setattr(keras.backend, "backend", lambda: backend)
    for call in (
        lambda: sa.Classifier.from_keras(model),
        lambda: sa.FGM()(model, np.zeros((1, 6, 6, 1)), [0]),
    ):
        with pytest.raises(sa.InputError, match=f"received '{backend}': set KERAS_BACKEND=tensorflow before Keras"):
            call()
