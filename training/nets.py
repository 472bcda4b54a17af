"""The four-convolution networks of the C&W line of work (Carlini & Wagner 2017, arXiv 1608.04644)."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import keras
from keras import layers


def mnist_cnn(dtype: str = "float32") -> keras.Sequential:
    """Builds the MNIST network: pixels in [0, 1] of shape (28, 28, 1) in, 10 logits out.

    Two 3x3 convolutions of 32 channels, pooling, two of 64, pooling, dense 200, dropout 0.5,
    dense 200, dense 10. Convolutions are valid, activations ReLU.
    """
    return _four_convolutions("mnist_cnn", (28, 28, 1), channels=(32, 64), units=200, dtype=dtype)


def cifar10_cnn(dtype: str = "float32") -> keras.Sequential:
    """Builds the CIFAR-10 network: pixels in [0, 1] of shape (32, 32, 3) in, 10 logits out.

    Like `mnist_cnn` with 64 and 128 channels and dense layers of 256.
    """
    return _four_convolutions("cifar10_cnn", (32, 32, 3), channels=(64, 128), units=256, dtype=dtype)


def _four_convolutions(
    name: str, shape: tuple[int, int, int], *, channels: tuple[int, int], units: int, dtype: str
) -> keras.Sequential:
    """Builds a network; `dtype` is the Keras policy of all layers except the logits, which are float32."""
    convolutions: list[layers.Layer] = []
    for number in channels:
        convolutions += [layers.Conv2D(number, 3, activation="relu", dtype=dtype) for _ in range(2)]
        convolutions.append(layers.MaxPooling2D(dtype=dtype))
    return keras.Sequential(
        [
            layers.Input(shape, name="image"),
            *convolutions,
            layers.Flatten(dtype=dtype),
            layers.Dense(units, activation="relu", dtype=dtype),
            layers.Dropout(0.5, dtype=dtype),
            layers.Dense(units, activation="relu", dtype=dtype),
            layers.Dense(10, name="logits", dtype="float32"),
        ],
        name=name,
    )


# The Keras dtype policies to train with.
PRECISIONS = ("float32", "mixed_bfloat16")


class Net(NamedTuple):
    """How a network is built and trained.

    Attributes:
      build: makes the untrained network for a Keras dtype policy.
      epochs: passes over the training split, by default.
      augment: whether training images are shifted and flipped at random.
      epsilon: radius of the l-infinity ball of PGD training in [0, 1] scale (Madry et al. 2018, arXiv 1706.06083).
    """

    build: Callable[[str], keras.Sequential]
    epochs: int
    augment: bool
    epsilon: float


# Data set name → the network to train on it. A new data set is one line here.
NETS = {
    "mnist": Net(mnist_cnn, epochs=12, augment=False, epsilon=0.3),
    "cifar10": Net(cifar10_cnn, epochs=40, augment=True, epsilon=8 / 255),
}
