"""Training on images that are changed in every step: by noise or, in `pgd`, by an attack."""

from __future__ import annotations

from typing import Any

import keras
import tensorflow as tf

from tf_strattack.transformations import Noise, Transformation


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

    def change(self, images: tf.Tensor, probabilities: tf.Tensor, *, step: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """The images to train on.

        Args:
          images: (N, H, W, C) in [0, 1].
          probabilities: (N, K) classes to learn.
          step: the number of training steps before this one.
          seed: (2,) int32, for what is random.

        Returns:
          (N, H, W, C).

        Raises:
          NotImplementedError: a class that does not define it.
        """
        raise NotImplementedError


class NoiseTraining(ChangedImages):
    """Trains on images with normal noise: `transformations.Noise`, clipped to [0, 1] as before every network."""

    def __init__(self, network: keras.Model, deviation: float, *, seed: int) -> None:
        """Wraps `network`; `deviation` is the standard deviation of the noise, in [0, 1] scale."""
        super().__init__(network, seed=seed)
        self._noise = Noise(deviation)

    def change(self, images: tf.Tensor, probabilities: tf.Tensor, *, step: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """Adds noise."""
        return transformed(images, self._noise, seed)


def transformed(images: tf.Tensor, transform: Transformation, seed: tf.Tensor) -> tf.Tensor:
    """Images (N, H, W, C) after a random change, each with draws of its own, clipped; `seed` is (2,) int32."""
    rows = tf.range(tf.shape(images)[0])
    seeds = tf.stack([seed[0] + rows, tf.fill(tf.shape(rows), seed[1])], axis=1)
    return tf.clip_by_value(transform(images, seeds), 0.0, 1.0)
