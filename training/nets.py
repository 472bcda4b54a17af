"""The four-convolution network of the C&W line of work (Carlini & Wagner 2017, arXiv 1608.04644)."""

from __future__ import annotations

import keras
from keras import layers


def mnist_cnn() -> keras.Sequential:
    """Builds the MNIST network: pixels in [0, 1] of shape (28, 28, 1) in, 10 logits out.

    Two 3x3 convolutions of 32 channels, pooling, two of 64, pooling, dense 200, dropout 0.5,
    dense 200, dense 10. Convolutions are valid, activations ReLU.
    """
    return keras.Sequential(
        [
            layers.Input((28, 28, 1), name="image"),
            layers.Conv2D(32, 3, activation="relu"),
            layers.Conv2D(32, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(64, 3, activation="relu"),
            layers.Conv2D(64, 3, activation="relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(200, activation="relu"),
            layers.Dropout(0.5),
            layers.Dense(200, activation="relu"),
            layers.Dense(10, name="logits"),
        ],
        name="mnist_cnn",
    )


# Data set name → the network that is trained on it. A new data set is one line here.
NETS = {"mnist": mnist_cnn}
