"""Training on images that are changed in every step: by noise or, in `pgd`, by an attack."""

from __future__ import annotations

import abc
from typing import Any

import keras
import tensorflow as tf

from .data import Split, batches_in_order


class ChangedImages(keras.Model):
    """Trains `network` on changed images instead of the images; the metrics refer to the changed ones."""

    def __init__(self, network: keras.Model, *, seed: int) -> None:
        """Wraps `network` and shares its weights; `seed` is the seed of all changes."""
        super().__init__()
        self.network = network
        self._seed = seed
        self.build((None, *network.input_shape[1:]))

    def build(self, input_shape: Any) -> None:
        """Does nothing, as the network is built already."""
        self.built = True

    def call(self, images: tf.Tensor, training: bool | None = None) -> tf.Tensor:
        """The network's logits."""
        return self.network(images, training=training)

    def train_step(self, data: tuple[tf.Tensor, tf.Tensor]) -> dict[str, Any]:
        """One training step on the changed images of a batch."""
        images, probabilities = data
        step = tf.cast(self.optimizer.iterations, tf.int32)
        # The seed follows from the step, so that a resumed run draws the same changes as an uninterrupted one.
        changed = self.change(images, probabilities, step=step, seed=tf.stack([self._seed, step]))
        results: dict[str, Any] = super().train_step((changed, probabilities))
        return results

    @abc.abstractmethod
    def change(self, images: tf.Tensor, probabilities: tf.Tensor, *, step: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """The images to train on.

        Args:
          images: (N, H, W, C) in [0, 1].
          probabilities: (N, K) classes to learn.
          step: the number of training steps before this one.
          seed: (2,) int32, for what is random.

        Returns:
          (N, H, W, C).
        """


class NoiseTraining(ChangedImages):
    """Trains on images with normal noise, clipped to [0, 1] like every transformation of the library."""

    def __init__(self, network: keras.Model, deviation: float, *, seed: int) -> None:
        """Wraps `network`; `deviation` is the standard deviation of the noise, in [0, 1] scale."""
        super().__init__(network, seed=seed)
        self._deviation = deviation

    def change(self, images: tf.Tensor, probabilities: tf.Tensor, *, step: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """Adds noise."""
        return with_noise(images, self._deviation, seed)


def with_noise(images: tf.Tensor, deviation: float, seed: tf.Tensor) -> tf.Tensor:
    """Images (N, H, W, C) with normal noise, clipped to [0, 1]; `seed` (2,) int32 determines it."""
    return tf.clip_by_value(images + deviation * tf.random.stateless_normal(tf.shape(images), seed), 0.0, 1.0)


def noise_accuracy(network: keras.Model, split: Split, deviation: float, *, seed: int) -> float:
    """The share of `split` that the network classifies correctly with one draw of noise on each image."""

    def correct(images: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        return tf.argmax(network(with_noise(images, deviation, seed), training=False), axis=1)

    compiled, hits = tf.function(correct), 0
    for batch, (images, probabilities) in enumerate(batches_in_order(split)):
        seen = compiled(images, tf.constant([seed, batch]))
        hits += int(tf.reduce_sum(tf.cast(seen == tf.argmax(probabilities, axis=1), tf.int32)))
    return hits / len(split)
