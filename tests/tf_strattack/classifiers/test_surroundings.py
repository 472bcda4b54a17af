"""From where an attack can be called: each other place is one line."""

import inspect
import os
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

import tf_strattack as sa
from tests.programs import ROOT, run_code

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


def fit_with_callback(model, images):
    callback = sa.RobustnessCallback(images, [0])
    callback.set_model(model)
    callback.on_train_begin()


@pytest.mark.parametrize("backend", ["jax", "torch"])
def test_another_backend_of_keras_is_one_line(monkeypatch, backend):
    model = keras.Sequential([keras.layers.Input((6, 6, 1)), keras.layers.Flatten(), keras.layers.Dense(3)])
    images = np.zeros((1, 6, 6, 1))
    monkeypatch.setattr(keras.backend, "backend", lambda: backend)
    for call in (
        lambda: sa.Classifier.from_keras(model),
        lambda: inspect.unwrap(sa.shipped.load_classifier)(),
        lambda: sa.FGM()(model, images, [0]),
        lambda: fit_with_callback(model, images),
    ):
        with pytest.raises(sa.InputError, match=f"received '{backend}': set KERAS_BACKEND=tensorflow before Keras"):
            call()


def test_a_function_that_fails_on_another_backend_says_so(monkeypatch):
    def function(images):
        raise TypeError("no tensor of mine")

    monkeypatch.setattr(keras.backend, "backend", lambda: "torch")
    with pytest.raises(sa.InputError, match="no tensor of mine; Keras runs on 'torch': if this network uses it, set"):
        sa.FGM()(sa.Classifier.from_callable(function), np.zeros((1, 6, 6, 1)), [0])


ON_TORCH = """
import sys
import keras
import tensorflow as tf
import tf_strattack as sa
images, labels, _ = sa.shipped.load_sample()
images, labels = images[:2], labels[:2]
net = keras.Sequential([keras.Input((28, 28, 1)), keras.layers.Flatten(), keras.layers.Dense(10)])
net.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
for call in (
    lambda: sa.Classifier.from_keras(net),
    lambda: sa.shipped.load_classifier(),
    lambda: sa.FGM()(net, images, labels),
    lambda: sa.refine(net, images, images, labels),
    lambda: net.fit(images, labels, verbose=0, callbacks=[sa.RobustnessCallback(images, labels)]),
    lambda: sa.FGM()(sa.Classifier.from_callable(net), images, labels),
):
    try:
        call()
    except sa.InputError as error:
        print(error)
net.save(sys.argv[1])
weights = tf.random.normal((784, 10))
print(sa.FGM()(sa.Classifier.from_callable(lambda x: tf.reshape(x, [-1, 784]) @ weights), images, labels))
"""


def on_backend(backend, *arguments):
    """Runs Python where Keras has this backend: the exit status, the lines on stdout, and those on stderr."""
    quiet = {**os.environ, "KERAS_BACKEND": backend, "TF_CPP_MIN_LOG_LEVEL": "2"}
    done = subprocess.run([sys.executable, *arguments], cwd=ROOT, env=quiet, capture_output=True, text=True)
    return done.returncode, done.stdout.splitlines(), done.stderr.splitlines()


@pytest.mark.slow
def test_models_on_pytorch_are_one_line_each_but_their_files_and_functions_of_tensorflow_are_attacked(tmp_path):
    pytest.importorskip("torch", reason="needs PyTorch")
    status, said, err = on_backend("torch", "-c", ON_TORCH, str(tmp_path / "net.keras"))
    assert status == 0, err[-5:]
    *refused, attacked = said
    assert (
        refused[:5]
        == [
            "expected Keras on its TensorFlow backend, received 'torch': set KERAS_BACKEND=tensorflow before Keras is "
            "imported"
        ]
        * 5
    )
    assert refused[5].endswith("if this network uses it, set KERAS_BACKEND=tensorflow before Keras is imported")
    assert attacked.startswith("AttackResult(2 examples, ")
    images, labels, _ = sa.shipped.load_sample()
    assert len(sa.FGM()(sa.Classifier.load(tmp_path / "net.keras"), images[:2], labels[:2])) == 2


@pytest.mark.slow
@pytest.mark.parametrize("backend", ["jax", "torch"])
@pytest.mark.parametrize("program", ["eval.attack", "eval.imagenet", "training.train"])
def test_programs_refuse_another_backend_whether_it_is_installed_or_not(program, backend, tmp_path):
    given = {
        "eval.attack": [f"--output_dir={tmp_path / 'run'}"],
        "eval.imagenet": [f"--image_dir={tmp_path}", f"--output_dir={tmp_path / 'run'}"],
        "training.train": ["--dataset=mnist", f"--output={tmp_path / 'net.keras'}"],
    }[program]
    status, out, err = on_backend(backend, "-m", program, *given)
    assert (status, out, len(err)) == (2, [], 1), err[-5:]
    assert "error: expected Keras on its TensorFlow backend" in err[0]
    assert "set KERAS_BACKEND=tensorflow" in err[0]
    assert not list(tmp_path.iterdir())
