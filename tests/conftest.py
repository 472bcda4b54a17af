"""Networks and digits that many tests share."""

from __future__ import annotations

import gc
import json
import os
import subprocess
import sys

os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")

import zipfile
from pathlib import Path

import keras
import numpy as np
import pytest
import tensorflow_datasets as tfds
from packaging.version import Version

import tf_strattack as sa
from tests.builders import count_traces, exact_rows
from tests.programs import load_shipped_networks_once
from tf_strattack.acceptance.trial import Trial

SHARED = Path(__file__).parent.parent.parent / "shared" / "data"


def pytest_configure(config):
    """Imports ART once before the workers do: its first import writes into the home, and fails in two processes.

    In a process of its own, as it configures logging, which closes the stream that pytest captures.
    """
    if not hasattr(config, "workerinput") and not (Path.home() / ".art" / "config.json").exists():
        subprocess.run([sys.executable, "-c", "import art.config"], capture_output=True, check=False)


def pytest_collection_finish():
    """Spares each later search for garbage the modules and cases, which stay to the end."""
    gc.collect()
    gc.freeze()


@pytest.fixture(scope="session", autouse=True)
def shipped_networks():
    """Are loaded once for all tests and examples of this process."""
    load_shipped_networks_once()


def _same_random_numbers():
    """Networks that a test builds have the same weights in each run, whatever ran before it."""
    keras.utils.set_random_seed(0)


# Of three scopes, as a fixture of a session or module is made before those of a test.
seeded_session = pytest.fixture(scope="session", autouse=True, name="seeded_session")(_same_random_numbers)
seeded_module = pytest.fixture(scope="module", autouse=True, name="seeded_module")(_same_random_numbers)
seeded_test = pytest.fixture(autouse=True, name="seeded_test")(_same_random_numbers)


@pytest.fixture(scope="session")
def digits():
    """Three correctly classified shipped digits with all 9 targets each: images, labels, targets of 27 examples."""
    images, labels, _ = sa.shipped.load_sample()
    rows = np.repeat(np.arange(3), 9)
    targets = np.concatenate([[c for c in range(10) if c != label] for label in labels[:3]])
    return images[rows], labels[rows], targets


@pytest.fixture(scope="session")
def mnist():
    """The shipped network."""
    return sa.shipped.load_classifier()


@pytest.fixture(scope="session")
def exact():
    """A small classifier with bit-equal rows, and 27 examples for it."""
    classifier = sa.Classifier.from_callable(exact_rows())
    images = np.random.default_rng(1).uniform(size=(27, 6, 6, 1)).astype(np.float32)
    labels = classifier.predict(images).argmax(axis=1)
    targets = (labels + 1 + np.arange(27) % 3) % 4
    return classifier, images, labels, targets


@pytest.fixture(scope="module")
def counted(attack):
    """What `count_traces` makes for the attack of a test, a classifier that no other attack is tried on."""
    return count_traces(40, seed=1)


@pytest.fixture(scope="module")
def trial(exact, attack):
    """The attack of a test on these examples, whose runs the promises share."""
    return Trial(exact[0], attack, *exact[1:])


@pytest.fixture(scope="session")
def tiny_mnist(tmp_path_factory):
    """The shipped digits as a data set "mnist" that TFDS reads: its directory, with 400 and 100 images."""
    directory = tmp_path_factory.mktemp("tfds")
    images, labels, _ = sa.shipped.load_sample()
    pixels = (images * 255).round().astype(np.uint8)

    def split(rows):
        return [(int(i), {"image": pixels[i], "label": int(labels[i])}) for i in rows]

    tfds.dataset_builders.store_as_tfds_dataset(
        name="mnist",
        version="3.0.1",
        data_dir=directory,
        features=tfds.features.FeaturesDict(
            {
                "image": tfds.features.Image(shape=(28, 28, 1)),
                "label": tfds.features.ClassLabel(num_classes=10),
            }
        ),
        split_datasets={"train": iter(split(range(400))), "test": iter(split(range(400, 500)))},
    )
    return directory


@pytest.fixture(scope="session")
def shared():
    """The folder of measuring data next to the checkout; tests that need it skip without it."""
    if not SHARED.exists():
        pytest.skip("needs the shared data next to the checkout")
    return SHARED


@pytest.fixture(scope="session")
def shared_networks(shared):
    """The same folder, for tests that load its networks: a Keras may not read what a newer one saved."""
    with zipfile.ZipFile(shared / "cases" / "mnist_net.keras") as archive:
        saved_by = json.loads(archive.read("metadata.json"))["keras_version"]
    if Version(keras.__version__) < Version(saved_by):
        pytest.skip(f"the shared networks were saved by Keras {saved_by}, newer than {keras.__version__}")
    return shared
