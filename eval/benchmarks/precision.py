"""Whether gradients in bfloat16 would pay off: their time and direction compared with float32.

Success must be tested in float32. An evaluation of the default solver is its test and its gradient at once, so
gradients in bfloat16 would need an additional forward pass; "admm" and "paper" make one in any case.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf
from tqdm import tqdm

from tf_strattack import Classifier
from tf_strattack.losses import margin

from .floor import Floor
from .nets import Net

COLUMNS = ("net", "rows", "float32", "float32_forward", "bfloat16", "joint_ratio", "apart_ratio", "least_cosine")
_TURNS = 5


def in_bfloat16(net: Net) -> Net:
    """The same network with weights and arithmetic in bfloat16, and images and logits in float32."""
    model = keras.saving.load_model(net.path, compile=False)

    def half(layer: keras.layers.Layer) -> keras.layers.Layer:
        configuration = layer.get_config()
        return type(layer).from_config({**configuration, "dtype": "bfloat16"})

    clone = keras.models.clone_model(model, clone_function=half)
    clone.set_weights(model.get_weights())
    classifier = Classifier.from_keras(clone, preprocessing=lambda images: tf.cast(images - net.shift, tf.bfloat16))
    classifier.prepare(net.images[:1])
    return net._replace(classifier=classifier)


def measure_precision(nets: Sequence[Net], batch_sizes: Sequence[int]) -> list[dict[str, Any]]:
    """Milliseconds of gradient and forward pass in float32 and of a gradient in bfloat16, medians over turns.

    `joint_ratio` divides bfloat16's gradient by float32's. `apart_ratio` does the same after adding a float32 forward
    pass to the former: the gain for the default solver. `least_cosine` is the smallest cosine of the angle between the
    two gradients over the examples.
    """
    measured = []
    for net in nets:
        half = in_bfloat16(net)
        whole, lesser = Floor(net), Floor(half)
        for rows in tqdm(batch_sizes, desc=f"precision of {net.name}", leave=False):
            turns = np.median(
                [
                    [whole.measure("gradient", rows), whole.measure("forward", rows), lesser.measure("gradient", rows)]
                    for _ in range(_TURNS)
                ],
                axis=0,
            )
            gradient, forward, bfloat16 = (float(value) for value in turns)
            measured.append(
                {
                    "net": net.name,
                    "rows": rows,
                    "float32": gradient,
                    "float32_forward": forward,
                    "bfloat16": bfloat16,
                    "joint_ratio": bfloat16 / gradient,
                    "apart_ratio": (bfloat16 + forward) / gradient,
                    "least_cosine": _least_cosine(net, half),
                }
            )
    return measured


def _least_cosine(net: Net, half: Net, examples: int = 27) -> float:
    images, _, targets = net.examples(examples)

    def gradient(classifier: Classifier) -> np.ndarray:
        with tf.GradientTape() as tape:
            tape.watch(points := tf.constant(images))
            margins = margin(classifier.logits(points), tf.constant(targets, tf.int32), targeted=True)
        flat = tape.gradient(margins, points).numpy().reshape(examples, -1)
        return np.asarray(flat / np.linalg.norm(flat, axis=1, keepdims=True))

    return float((gradient(net.classifier) * gradient(half.classifier)).sum(axis=1).min())
