"""The training program on a small data set that the test writes itself."""

import json
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow_datasets as tfds

import tf_strattack as sa
from training.nets import mnist_cnn

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory):
    """The shipped digits as a tiny "mnist" that TFDS reads."""
    directory = tmp_path_factory.mktemp("tfds")
    images, labels, _ = sa.shipped.load_sample()
    pixels = (images * 255).round().astype(np.uint8)

    def split(rows):
        return [(int(i), {"image": pixels[i], "label": int(labels[i])}) for i in rows]

    tfds.dataset_builders.store_as_tfds_dataset(
        name="mnist", version="3.0.1", data_dir=directory,
        features=tfds.features.FeaturesDict({
            "image": tfds.features.Image(shape=(28, 28, 1)), "label": tfds.features.ClassLabel(num_classes=10),
        }),
        split_datasets={"train": iter(split(range(400))), "test": iter(split(range(400, 500)))},
    )  # fmt: skip
    return directory


def program(module, *arguments):
    command = [sys.executable, "-m", module, *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, text=True, capture_output=True, timeout=300, check=False)
    return done.returncode, done.stdout, done.stderr


def test_training_writes_a_network_that_loads_and_its_card(data_dir, tmp_path):
    arguments = ["--dataset=mnist", f"--data_dir={data_dir}", "--epochs=4", "--batch_size=32", "--seed=3"]
    outputs = [tmp_path / name / "net.keras" for name in ("one", "two")]
    for output in outputs:
        status, _, err = program("training.train", *arguments, f"--output={output}")
        assert status == 0, err
    card = json.loads(outputs[0].with_suffix(".json").read_text())
    assert card["epochs"] == 4
    assert card["seed"] == 3
    assert {"tensorflow", "keras", "tf_strattack"} <= card["versions"].keys()
    assert card["test_accuracy"] > 0.5
    one, two = (keras.saving.load_model(output).get_weights() for output in outputs)
    for left, right in zip(one, two, strict=True):
        np.testing.assert_array_equal(left, right)
    status, _, err = program("training.train", *arguments, f"--output={outputs[0]}")
    assert status == 2
    assert "which exists: choose another or add --overwrite" in err


def test_mistakes_get_one_line_and_status_2(tmp_path):
    for arguments, message in [
        (["--data_dir=nowhere"], "expected the TFDS data set 'mnist' in --data_dir"),
        (["--output=net.h5"], "expected --output to end in .keras"),
        (["--dataset=imagenet"], "value should be one of <mnist>"),
        (["--epochs=0"], "0 is not a positive integer"),
    ]:
        status, _, err = program("training.train", *arguments)
        assert status == 2
        assert message in err
        assert len(err.strip().splitlines()) == 1


def test_the_sample_program_takes_the_first_digits_of_the_test_split(data_dir, tmp_path):
    output = tmp_path / "sample.npz"
    status, _, err = program("training.sample", f"--data_dir={data_dir}", "--number=7", f"--output={output}")
    assert status == 0, err
    with np.load(output) as file:
        assert file["images"].shape == (7, 28, 28, 1)
        np.testing.assert_array_equal(file["indices"], np.arange(7))


def test_the_network_is_the_paper_s():
    model = mnist_cnn()
    kinds = [(type(layer).__name__, getattr(layer, "filters", getattr(layer, "units", None))) for layer in model.layers]
    assert kinds == [
        ("Conv2D", 32), ("Conv2D", 32), ("MaxPooling2D", None), ("Conv2D", 64), ("Conv2D", 64), ("MaxPooling2D", None),
        ("Flatten", None), ("Dense", 200), ("Dropout", None), ("Dense", 200), ("Dense", 10),
    ]  # fmt: skip
    assert model.layers[-1].activation is keras.activations.linear
