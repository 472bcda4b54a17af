"""Adversarial training in an l-infinity ball, and accuracy under that attack (Madry et al. 2018, arXiv 1706.06083)."""

from __future__ import annotations

import dataclasses
from typing import Any

import keras
import tensorflow as tf

from tf_strattack.problem import balls

from .changed_images import ChangedImages
from .data import Split

# The evaluation takes 40 steps, as Madry et al. for MNIST, but longer ones (0.019 at epsilon 0.3 instead of 0.01).
TEST_STEPS, TEST_RESTARTS = 40, 2


@dataclasses.dataclass(frozen=True)
class PGD:
    """Projected gradient ascent on the cross-entropy within ||x - x0||_inf <= epsilon and [0, 1].

    Attributes:
      epsilon: radius, in [0, 1] scale.
      steps: gradient evaluations.
      step_size: length of a step, in [0, 1] scale; None for 2.5 epsilon / steps.
    """

    epsilon: float
    steps: int
    step_size: float | None = None

    def __call__(
        self, network: keras.Model, images: tf.Tensor, probabilities: tf.Tensor, *, seed: tf.Tensor, share: Any = 1.0
    ) -> tf.Tensor:
        """Attacks the network in inference mode (dropout off), from a random start in the ball.

        Args:
          network: maps images (N, H, W, C) in [0, 1] to logits (N, K).
          images: (N, H, W, C) originals x0.
          probabilities: (N, K) true classes, one-hot.
          seed: (2,) integers, the seed of the start.
          share: multiplies radius and step; below 1 while training warms up.

        Returns:
          (N, H, W, C) images within the ball and [0, 1].
        """
        radius = share * self.epsilon
        own = self.step_size
        step = balls.default_step(radius, self.steps) if own is None else radius * (own / self.epsilon)
        low, high = balls.linf_box(images, radius, 0.0, 1.0)
        start = images + radius * tf.random.stateless_uniform(tf.shape(images), seed, -1.0, 1.0)

        def ascend(adversarial: tf.Tensor) -> tuple[tf.Tensor]:
            with tf.GradientTape() as tape:
                tape.watch(adversarial)
                logits = network(adversarial, training=False)
                loss = keras.losses.categorical_crossentropy(probabilities, logits, from_logits=True)
            return (balls.sign_step(adversarial, tape.gradient(loss, adversarial), step, low, high),)

        first = tf.clip_by_value(start, low, high)
        (last,) = tf.while_loop(lambda _: True, ascend, (first,), maximum_iterations=self.steps)
        return tf.stop_gradient(last)


class PGDTraining(ChangedImages):
    """Trains `network` on PGD examples instead of the images; the metrics refer to the examples.

    The radius grows linearly over the first `warmup_steps` steps: with the full radius from the start, MNIST networks
    can stay at chance accuracy for many epochs.
    """

    def __init__(self, network: keras.Model, attack: PGD, *, warmup_steps: int, seed: int) -> None:
        """Wraps `network` and shares its weights; `seed` is the seed of the attack's random starts."""
        super().__init__(network, seed=seed)
        self._attack, self._warmup_steps = attack, warmup_steps

    def change(self, images: tf.Tensor, probabilities: tf.Tensor, *, step: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        """Attacks the images."""
        share = tf.minimum(1.0, tf.cast(step + 1, tf.float32) / max(1, self._warmup_steps))
        return self._attack(self.network, images, probabilities, seed=seed, share=share)


def pgd_accuracy(
    network: keras.Model, split: Split, attack: PGD, *, restarts: int, seed: int, batch_size: int = 500
) -> float:
    """The share of `split` that is classified correctly, before and after each of `restarts` random-start attacks."""

    def correct(images: tf.Tensor, probabilities: tf.Tensor) -> tf.Tensor:
        return tf.argmax(network(images, training=False), axis=1) == tf.argmax(probabilities, axis=1)

    def survive(images: tf.Tensor, probabilities: tf.Tensor, seed: tf.Tensor) -> tf.Tensor:
        return correct(attack(network, images, probabilities, seed=seed), probabilities)

    originals, attacked = tf.function(correct), tf.function(survive)
    robust = 0
    for first in range(0, len(split), batch_size):
        rows = slice(first, first + batch_size)
        images, probabilities = tf.constant(split.images[rows]), tf.constant(split.probabilities[rows])
        survived = originals(images, probabilities).numpy()
        for restart in range(restarts):
            survived &= attacked(images, probabilities, tf.constant([seed + restart, first])).numpy()
        robust += int(survived.sum())
    return robust / len(split)
