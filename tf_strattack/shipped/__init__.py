"""The networks and digits that come with the package, so that it runs without a download."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tf_strattack.checks import check_choice
from tf_strattack.classifiers.classifier import Classifier
from tf_strattack.typing import Classes, Images

_FOLDER = Path(__file__).parent

# Shipped network → its class names. Each has a file NAME.keras and a model card NAME.json here.
NETWORKS = {
    "mnist_cnn": tuple("0123456789"),
    "cifar10_cnn": ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"),
    "mnist_pgd": tuple("0123456789"),
}


class Sample(NamedTuple):
    """MNIST test digits.

    Attributes:
      images: (N, 28, 28, 1) float32 in [0, 1].
      labels: (N,) int32.
      indices: (N,) int32, positions in the test split of TFDS mnist 3.0.1, whose order is fixed.
    """

    images: Images
    labels: Classes
    indices: Classes


def model_path(name: str) -> Path:
    """The `.keras` file of the shipped network `name`: "mnist_cnn", "cifar10_cnn", or "mnist_pgd" (PGD-trained).

    Raises:
      InputError: an unknown name.
    """
    check_choice("the name of a shipped network", name, NETWORKS)
    return _FOLDER / f"{name}.keras"


def load_classifier(name: str = "mnist_cnn") -> Classifier:
    """Loads the shipped network `name` as a classifier of images in [0, 1].

    Raises:
      InputError: an unknown name.

    Example:
      >>> import tf_strattack as sa
      >>> sa.shipped.load_classifier("cifar10_cnn").image_shape
      (32, 32, 3)
    """
    return Classifier.load(model_path(name))


def load_card(name: str = "mnist_cnn") -> dict[str, Any]:
    """Reads the model card of the shipped network `name`: accuracy, seed, epochs, versions.

    Raises:
      InputError: an unknown name.
    """
    card: dict[str, Any] = json.loads(model_path(name).with_suffix(".json").read_text())
    return card


def load_sample() -> Sample:
    """Loads the 500 shipped MNIST test digits: images (500, 28, 28, 1) in [0, 1], labels and positions (500,)."""
    with np.load(_FOLDER / "mnist_sample.npz", allow_pickle=False) as file:
        return Sample(file["images"].astype(np.float32) / 255.0, file["labels"], file["indices"])
