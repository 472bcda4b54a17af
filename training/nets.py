"""The networks: four convolutions (Carlini & Wagner 2017, arXiv 1608.04644), and ResNet-20 (He et al. 2016)."""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

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


def resnet20(shape: tuple[int, int, int], dtype: str = "float32") -> keras.Model:
    """Builds ResNet-20 for small images: pixels in [0, 1] of `shape` (H, W, C) in, 10 logits out.

    Section 4.2 of He et al. (arXiv 1512.03385): one 3x3 convolution, three stages of three residual blocks with 16, 32
    and 64 channels, each stage but the first at half the resolution, global average pooling. Shortcuts have no
    parameters: they skip pixels and add channels of zeros.
    """
    image = layers.Input(shape, name="image")
    features = _convolution(image, 16, dtype=dtype)
    for channels in (16, 32, 64):
        for block in range(3):
            stride = 2 if block == 0 and channels > 16 else 1
            residual = _convolution(features, channels, stride, dtype=dtype)
            residual = _convolution(residual, channels, activation=None, dtype=dtype)
            if stride == 2:
                features = keras.ops.pad(features[:, ::2, ::2], [[0, 0], [0, 0], [0, 0], [0, channels // 2]])
            features = layers.Activation("relu", dtype=dtype)(layers.Add(dtype=dtype)([features, residual]))
    pooled = layers.GlobalAveragePooling2D(dtype=dtype)(features)
    return keras.Model(image, layers.Dense(10, name="logits", dtype="float32")(pooled), name="resnet20")


def _convolution(features: Any, channels: int, stride: int = 1, *, dtype: str, activation: str | None = "relu") -> Any:
    """A 3x3 convolution with batch normalisation."""
    convolved = layers.Conv2D(
        channels,
        3,
        strides=stride,
        padding="same",
        use_bias=False,
        kernel_initializer="he_normal",
        kernel_regularizer=keras.regularizers.L2(1e-4),
        dtype=dtype,
    )(features)
    normalised = layers.BatchNormalization(momentum=0.9, dtype=dtype)(convolved)
    return layers.Activation(activation, dtype=dtype)(normalised) if activation else normalised


class Net(NamedTuple):
    """How a network is built and trained.

    Attributes:
      build: makes the untrained network for a Keras dtype policy.
      epochs: passes over the training split, by default.
      augment: whether training images are shifted and flipped at random.
      epsilon: radius of the l-infinity ball of PGD training in [0, 1] scale (Madry et al. 2018, arXiv 1706.06083).
    """

    build: Callable[[str], keras.Model]
    epochs: int
    augment: bool
    epsilon: float


# The networks of each data set, the first by default. A new network or data set is one line here.
NETS = {
    "mnist": {
        "cnn": Net(mnist_cnn, epochs=12, augment=False, epsilon=0.3),
        "resnet20": Net(functools.partial(resnet20, (28, 28, 1)), epochs=12, augment=False, epsilon=0.3),
    },
    "cifar10": {
        "cnn": Net(cifar10_cnn, epochs=40, augment=True, epsilon=8 / 255),
        "resnet20": Net(functools.partial(resnet20, (32, 32, 3)), epochs=40, augment=True, epsilon=8 / 255),
    },
}
