"""Series and volumes from a file to a report: windows and blocks are changed or not, and the owner's model agrees."""

from __future__ import annotations

import json

import keras
import numpy as np
import pytest
from keras import layers

import tf_strattack as sa
from tests.directories import results
from tests.programs import run_program
from tests.slow import first_quick


def series_model(epochs=20):
    """A sawtooth of two channels has one of three periods; the network looks for their edges."""
    generator = np.random.default_rng(0)
    periods = generator.integers(0, 3, size=90)
    steps = np.arange(24)[None, :, None] + generator.integers(0, 8, size=(90, 1, 2))
    clean = (steps % (3 + 2 * periods)[:, None, None]) / (3 + 2 * periods)[:, None, None]
    series = np.clip(clean + 0.05 * generator.normal(size=clean.shape), 0, 1).astype(np.float32)
    keras.utils.set_random_seed(0)
    image = layers.Input((24, 2))
    hidden = layers.Conv1D(16, 5, activation="relu")(image)
    model = keras.Model(image, layers.Dense(3)(layers.GlobalAveragePooling1D()(hidden)))
    loss = keras.losses.SparseCategoricalCrossentropy(from_logits=True)
    model.compile("adam", loss)
    model.optimizer.learning_rate = 0.03
    model.fit(series, periods, epochs=epochs, batch_size=30, verbose=0)
    return model, series, periods


def volume_model():
    generator = np.random.default_rng(0)
    volumes = generator.uniform(size=(12, 4, 6, 6, 1)).astype(np.float32)
    keras.utils.set_random_seed(0)
    image = layers.Input((4, 6, 6, 1))
    hidden = layers.Flatten()(layers.Conv3D(4, 3, activation="relu")(image))
    model = keras.Model(image, layers.Dense(3)(hidden))
    return model, volumes, model.predict(volumes, verbose=0).argmax(axis=1)


@pytest.mark.parametrize("kind", first_quick(["series", "volumes"]))
def test_from_a_file_to_a_report(tmp_path, kind):
    if kind == "series":
        (model, values, labels), groups, width = series_model(), "windows:4", 6
        images, back = sa.images.from_series(values), sa.images.to_series
    else:
        (model, values, labels), groups, width = volume_model(), "blocks:4,2", 18
        images, back = sa.images.from_volumes(values), lambda images: sa.images.to_volumes(images, depth=4)
    correct = model.predict(values, verbose=0).argmax(axis=1) == labels
    assert correct.mean() > 0.9
    model.save(tmp_path / "model.keras")
    np.savez(tmp_path / "data.npz", images=images, labels=labels)
    run = tmp_path / "run"
    status, _, err = run_program(
        "eval.attack",
        f"--model={tmp_path / 'model.keras'}",
        f"--data_format={kind}",
        f"--dataset={tmp_path / 'data.npz'}",
        f"--groups={groups}",
        "--num_images=4",
        f"--output_dir={run}",
    )
    assert status == 0, err
    metrics = json.loads((run / "metrics.json").read_text())
    assert metrics["groups"] == groups
    result = sa.AttackResult.concatenate(results(run))
    assert result.success.mean() > 0.9
    said = model.predict(back(result.adversarial), verbose=0).argmax(axis=1)
    np.testing.assert_array_equal(said == result.targets, result.success)
    maps = sa.LabelMap(np.load(run / "groups.npz")["labels"])
    assert maps.number == width
    assert sa.metrics.nonzero_groups(result.delta, maps)[result.success].mean() < 0.9 * maps.number
    assert (run / "report.html").exists()


@pytest.mark.slow
def test_series_in_place_of_images_are_refused_with_what_to_store(tmp_path):
    model, values, labels = series_model(epochs=1)
    model.save(tmp_path / "model.keras")
    np.savez(tmp_path / "data.npz", images=values, labels=labels)
    flags = (f"--model={tmp_path / 'model.keras'}", "--data_format=series", f"--dataset={tmp_path / 'data.npz'}")
    status, _, err = run_program("eval.attack", *flags, f"--output_dir={tmp_path / 'run'}")
    assert status == 2
    assert "if it takes series, store them by tf_strattack.images.from_series(images)" in err
