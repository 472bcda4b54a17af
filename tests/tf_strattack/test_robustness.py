"""The Keras callback that measures robustness while a network is trained."""

import csv

import keras
import numpy as np
import pytest

import tf_strattack as sa
from tests.builders import brief
from tests.programs import run_code
from tests.slow import first_quick
from tf_strattack.runtime.progress import Tracker

NAMES = {f"attack_{name}" for name in ("accuracy", "success_rate", "l0", "l1", "l2", "linf")}
QUICK = brief(30, refine=False)


@pytest.fixture(scope="module")
def sample():
    images, labels, _ = sa.shipped.load_sample()
    return images, labels


def network(seed=0):
    keras.utils.set_random_seed(seed)
    layers = [
        keras.Input((28, 28, 1)),
        keras.layers.Flatten(),
        keras.layers.Dense(16, activation="relu"),
        keras.layers.Dropout(0.2),
        keras.layers.Dense(10),
    ]
    net = keras.Sequential(layers)
    net.compile(keras.optimizers.Adam(5e-3), keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    return net


def fitted(sample, callbacks, epochs=3, **options):
    net = network()
    history = net.fit(*sample, epochs=epochs, batch_size=50, callbacks=callbacks, verbose=0, **options).history
    return net, history


@pytest.fixture(scope="module")
def run(sample):
    images, labels = sample
    callback = sa.RobustnessCallback(images[:12], labels[:12], (labels[:12] + 1) % 10, attack=QUICK)
    return callback, *fitted(sample, [callback])


def test_what_is_logged_is_what_the_attack_finds_on_the_correctly_classified(sample, run):
    _, net, history = run
    images, labels = sample[0][:12], sample[1][:12]
    classifier = sa.Classifier.from_keras(net)
    correct = classifier.predict(images).argmax(axis=1) == labels
    result = QUICK(classifier, images[correct], labels[correct], (labels[correct] + 1) % 10)
    assert 0 < correct.sum()
    assert result.success.any()
    last = {name: values[-1] for name, values in history.items()}
    assert last["attack_accuracy"] == pytest.approx(correct.mean())
    assert last["attack_success_rate"] == pytest.approx(result.success.mean())
    for name in ("l0", "l1", "l2", "linf"):
        expected = getattr(sa.metrics, name)(result.delta[result.success]).mean()
        assert last[f"attack_{name}"] == pytest.approx(expected, rel=1e-5)


def test_training_is_not_changed_by_being_watched(sample, run):
    _, watched, history = run
    alone, plain = fitted(sample, [])
    for with_callback, without in zip(watched.get_weights(), alone.get_weights(), strict=True):
        np.testing.assert_array_equal(with_callback, without)
    assert set(history) - set(plain) == NAMES


def test_the_weights_of_each_epoch_are_attacked_by_one_compiled_program(run):
    callback, net, history = run
    assert len(set(history["attack_l2"])) == 3, "each epoch has its own weights"
    programs = dict(callback._classifier._remembered)
    again = callback.measure()
    assert callback._classifier._remembered.keys() == programs.keys()
    assert again["attack_l2"] == pytest.approx(history["attack_l2"][-1], rel=1e-5)
    net.fit(np.zeros((50, 28, 28, 1)), np.zeros(50), verbose=0, callbacks=[callback])
    assert callback._classifier._remembered.keys() == programs.keys()
    assert callback.measure() != again


@pytest.mark.parametrize(
    ("freq", "measured"), first_quick([([1, 4], 2), (2, 2), (1, 5), (5, 1), (6, 0), ([3, 4, 5, 6], 3)], 1)
)
def test_chosen_epochs_are_counted_as_those_of_validation(sample, freq, measured):
    images, labels = sample
    callback = sa.RobustnessCallback(images[:4], labels[:4], attack=sa.FGM(), freq=freq)
    _, history = fitted(sample, [callback], epochs=5, validation_data=sample, validation_freq=freq)
    assert len(history.get("attack_success_rate", [])) == len(history.get("val_loss", [])) == measured


@pytest.mark.slow
def test_other_callbacks_and_the_progress_bar_use_it_like_any_metric(sample, tmp_path, capsys):
    images, labels = sample
    robust = sa.RobustnessCallback(images[:4], labels[:4], attack=sa.FGM(), name="fgm")
    other = sa.RobustnessCallback(images[:4], labels[:4], attack=QUICK)
    checkpoint = keras.callbacks.ModelCheckpoint(
        str(tmp_path / "best.keras"), monitor="fgm_success_rate", mode="min", save_best_only=True
    )
    callbacks = [
        robust,
        other,
        checkpoint,
        keras.callbacks.CSVLogger(str(tmp_path / "log.csv")),
        keras.callbacks.EarlyStopping(monitor="fgm_l2", mode="max", min_delta=1e9, patience=2),
    ]
    net = network()
    history = net.fit(*sample, epochs=9, callbacks=callbacks, verbose=2).history
    assert len(history["fgm_success_rate"]) == 3, "early stopping waits two epochs for an improvement of 1e9"
    assert (tmp_path / "best.keras").exists()
    assert checkpoint.best == min(history["fgm_success_rate"])
    rows = list(csv.DictReader((tmp_path / "log.csv").open()))
    assert [float(row["attack_l2"]) for row in rows] == pytest.approx(history["attack_l2"])
    assert "fgm_success_rate: " in capsys.readouterr().out


def test_pixels_of_another_scale_and_preprocessing(sample, run):
    _, _, history = run
    images, labels = sample
    callback = sa.RobustnessCallback(
        images[:12] * 255,
        labels[:12],
        (labels[:12] + 1) % 10,
        attack=QUICK,
        bounds=(0, 255),
        preprocessing=lambda x: x / 255,
    )
    _, scaled = fitted(sample, [callback])
    assert scaled["attack_success_rate"] == history["attack_success_rate"]
    assert scaled["attack_l2"] == pytest.approx(history["attack_l2"], rel=1e-2)


def test_means_over_nothing_are_nan(sample):
    images, labels = sample
    wrong = sa.RobustnessCallback(images[:4], (labels[:4] + 1) % 10, attack=sa.FGM(), name="wrong")
    hopeless = sa.RobustnessCallback(images[:4], labels[:4], attack=sa.FGM(epsilon=1e-6), name="hopeless")
    _, history = fitted(sample, [wrong, hopeless], epochs=4)
    last = {name: values[-1] for name, values in history.items()}
    assert last["wrong_accuracy"] == 0
    assert np.isnan(last["wrong_success_rate"])
    assert np.isnan(last["wrong_l2"])
    assert last["hopeless_accuracy"] > 0
    assert last["hopeless_success_rate"] == 0
    assert np.isnan(last["hopeless_l2"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"images": np.zeros((0, 28, 28, 1))}, "expected at least one image to attack, received none"),
        ({"images": np.full((2, 28, 28, 1), 255.0)}, "expected images within the classifier's bounds"),
        ({"labels": [1, 2, 3]}, "expected labels of shape"),
        ({"targets": [1, 2]}, "expected targets other than the labels"),
        ({"attack": "fgm"}, "expected an attack of tf_strattack, received 'fgm'"),
        ({"freq": "12"}, "expected freq to be a whole number of at least 1"),
        ({"batch_size": 0}, "expected batch_size to be a whole number of at least 1"),
        ({"freq": 0}, "expected freq to be a whole number of at least 1"),
        ({"bounds": (1, 0)}, "expected finite bounds"),
    ],
)
def test_mistakes_are_known_before_the_training(change, message):
    arguments = {"images": np.zeros((2, 28, 28, 1)), "labels": [1, 2]} | change
    with pytest.raises(sa.InputError, match=message):
        sa.RobustnessCallback(**arguments)


@pytest.mark.parametrize(
    ("shape", "label", "message"),
    [((28, 28, 1), 10, "expected labels from 0 to 9, received 10"), ((8, 8, 1), 1, "expected images of shape")],
)
@pytest.mark.parametrize("functional", first_quick([False, True]))
def test_what_does_not_fit_the_network_is_known_before_the_first_epoch(sample, shape, label, message, functional):
    net = network()
    if functional:
        net = keras.Model(net.inputs[0], net.outputs[0])
        net.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    fine = sa.RobustnessCallback(sample[0][:2], sample[1][:2], attack=sa.FGM())
    assert len(net.fit(*sample, verbose=0, callbacks=[fine]).history["attack_accuracy"]) == 1
    callback = sa.RobustnessCallback(np.zeros((1, *shape)), [label], attack=sa.FGM())
    with pytest.raises(sa.InputError, match=message):
        net.fit(*sample, verbose=0, callbacks=[callback])


@pytest.mark.parametrize("weight", [0.0, np.nan])
def test_a_network_that_cannot_be_attacked_yet_is_trained_on(sample, weight):
    net = network()
    net.set_weights([np.full_like(values, weight) for values in net.get_weights()])
    net.optimizer.learning_rate = 0.0
    images, labels = sample
    callback = sa.RobustnessCallback(images[:4], labels[:4], attack=QUICK)
    with pytest.warns(UserWarning, match="robustness after epoch 2 is not known: expected"):
        history = net.fit(images, labels, epochs=2, callbacks=[callback], verbose=0).history
    assert {name: len(history[name]) for name in NAMES} == dict.fromkeys(NAMES, 2)
    assert np.isnan([history[name] for name in NAMES]).all()


@pytest.mark.slow
def test_layers_that_change_between_two_fits_are_seen(sample, run):
    images, labels = sample
    net, callback = network(), sa.RobustnessCallback(images[:12], labels[:12], attack=sa.FGM())
    net.fit(images, labels, epochs=3, verbose=0, callbacks=[callback])
    net.pop()
    net.add(keras.layers.Dense(10))
    net.compile(keras.optimizers.Adam(0.0), net.loss)
    history = net.fit(images, labels, epochs=1, verbose=0, callbacks=[callback]).history
    right = net.predict(images[:12], verbose=0).argmax(axis=1) == labels[:12]
    assert history["attack_accuracy"] == [pytest.approx(right.mean())]


def test_one_of_several_outputs_is_named(sample):
    images, labels = sample
    inputs = keras.Input((28, 28, 1))
    flat = keras.layers.Flatten()(inputs)
    net = keras.Model(inputs, {"scores": keras.layers.Dense(10)(flat), "other": keras.layers.Dense(3)(flat)})
    sparse = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    net.compile("adam", {"scores": sparse, "other": sparse})
    data = images, {"scores": labels, "other": labels % 3}
    named = sa.RobustnessCallback(images[:4], labels[:4], attack=sa.FGM(), output="scores")
    assert "attack_l2" in net.fit(*data, verbose=0, callbacks=[named]).history
    unnamed = sa.RobustnessCallback(images[:4], labels[:4], attack=sa.FGM())
    with pytest.raises(sa.InputError, match="output="):
        net.fit(*data, verbose=0, callbacks=[unnamed])


def test_a_measurement_without_a_network_is_refused(sample):
    callback = sa.RobustnessCallback(sample[0][:1], sample[1][:1])
    with pytest.raises(sa.InputError, match="pass it to fit first"):
        callback.measure()


def test_ctrl_c_during_the_attack_ends_the_training(sample, monkeypatch):
    def interrupted(*_args, **_kwargs):
        raise KeyboardInterrupt

    callback = sa.RobustnessCallback(sample[0][:4], sample[1][:4], attack=QUICK)
    monkeypatch.setattr(Tracker, "start_batch", interrupted)
    with pytest.raises(KeyboardInterrupt):
        fitted(sample, [callback])


ON_DEVICES = """
import sys
import keras
import tensorflow as tf

cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)

import tf_strattack as sa
from tests.builders import brief

images, labels, _ = sa.shipped.load_sample()
with tf.distribute.MirroredStrategy(sys.argv[1].split(",")).scope():
    net = keras.Sequential([keras.Input((28, 28, 1)), keras.layers.Flatten(), keras.layers.Dense(10)])
    net.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
callback = sa.RobustnessCallback(images[:4], labels[:4], attack=sa.FGM())
try:
    print(*net.fit(images, labels, batch_size=50, verbose=0, callbacks=[callback]).history)
except sa.InputError as error:
    print(error)
"""


@pytest.mark.parametrize(
    ("devices", "printed"),
    [("CPU:0,CPU:1", "attack_l2"), ("CPU:0", "expected a network on one device or on all 2, received one on 1")],
)
def test_a_network_on_all_devices_is_measured_and_one_on_some_refused(devices, printed):
    status, out, err = run_code(ON_DEVICES, devices)
    assert status == 0, err[-3000:]
    assert printed in out
