"""A rough estimate of a comparison's duration before it starts, from a timed call of the network."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence

import numpy as np
import tensorflow as tf

from tf_strattack import Attack, Classifier

_ROWS, _CALLS = 16, 5
# The time of an attack relative to the time of its network gradients.
_OVERHEAD = 1.2


def seconds_per_gradient(classifier: Classifier, shape: Sequence[int]) -> float:
    """The time of a gradient per image of `shape` (H, W, C), from a timed call with a batch."""
    low, high = classifier.bounds
    images = np.random.default_rng(0).uniform(low, high, (_ROWS, *shape)).astype(np.float32)
    classifier.prepare(images[:1])
    positions = tf.range(_ROWS)

    def gradient(images: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            tape.watch(images)
            scores = tf.reduce_sum(classifier.logits(images, positions))
        return tape.gradient(scores, images)

    batch, compiled = tf.constant(images), tf.function(gradient)
    compiled(batch)
    started = time.perf_counter()
    for _ in range(_CALLS):
        compiled(batch).numpy()
    return (time.perf_counter() - started) / (_CALLS * _ROWS)


def announce_size(attacks: Mapping[str, Attack], num_images: int, per_image: int, seconds: float, *, flags: str) -> str:
    """A line about the remaining runs, roughly how long they take, and the flags that make them shorter.

    Args:
      attacks: the attacks that are still to be run, by name.
      num_images, per_image: the number of images, and of examples per image.
      seconds: seconds per gradient, from `seconds_per_gradient`.
      flags: the flags that make the comparison smaller, as a user writes them.
    """
    examples = num_images * per_image
    total = sum(attack.iterations() for attack in attacks.values()) * examples * seconds * _OVERHEAD
    return (
        f"{len(attacks)} {'run' if len(attacks) == 1 else 'runs'} of up to {num_images} images x {per_image} "
        f"{'target' if per_image == 1 else 'targets'} = {examples} examples each ({', '.join(attacks)}): roughly "
        f"{duration(total)} on this machine; {flags} make it shorter"
    )


def duration(seconds: float) -> str:
    """A rough time: "40 seconds", "25 minutes", "7 hours", "3 days"."""
    for size, name in ((86400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{seconds / size:.0f} {name}"
    return f"{round(seconds)} seconds" if seconds >= 1.5 else "a second"
