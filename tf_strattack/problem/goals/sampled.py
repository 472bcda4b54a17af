"""The evaluation of a goal on samples of a transformation: the margin that most draws stay below."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any, ClassVar

import tensorflow as tf

from tf_strattack.classifiers.classifier import Classifier
from tf_strattack.errors import InputError
from tf_strattack.problem.batch import Batch
from tf_strattack.problem.goals.base import movable
from tf_strattack.problem.goals.tolerance import bound, slopes_of_bound, tolerance_factor
from tf_strattack.problem.goals.wrapping import Wrapping
from tf_strattack.runtime.causes import cause_of
from tf_strattack.transformations.randomness import mixed, seeds_of
from tf_strattack.typing import Pixels, Rows, Scalar

# Streams of the seed: draws of the loop, and fresh ones.
LOOP, FRESH = 1, 2
# Factors of the standard deviations at a second and a third attempt, for successes that failed on fresh draws.
_STRICTER = (1.5, 2.5)

Transform = Callable[[Pixels, tf.Tensor], Any]


class Sampled(Wrapping):
    """The methods of an `Expectation` for tensors."""

    # The evaluation whose samples are drawn, and a factor of the tolerance factor.
    _turn: ClassVar[Any] = 0
    _strictness: ClassVar[float] = 1.0

    transform: Transform | None
    samples: int
    seed: int
    threshold: float
    draws: int

    @property
    def evaluations(self) -> int:
        """The passes of the goal, on each sample."""
        return self.samples * int(self.goal.evaluations)

    @property
    def width(self) -> int:
        """All samples, each with the rows of the goal."""
        return self.samples * int(self.goal.width)

    @property
    def drawing(self) -> bool:
        """True."""
        return True

    @property
    def unsteady(self) -> tuple[Classifier, ...]:
        """None: all randomness is averaged."""
        return ()

    def at(self, turn: Scalar) -> Sampled:
        """The goal with the samples of one evaluation, the `turn`."""
        return self._with("_turn", turn)

    def stricter(self) -> tuple[Sampled, ...]:
        """The goal with a larger bound of its margin, and with an even larger one."""
        return tuple(self._with("_strictness", strictness) for strictness in _STRICTER)

    def _with(self, name: str, value: Any) -> Sampled:
        other = copy.copy(self)
        object.__setattr__(other, name, value)
        return other

    def margin(self, batch: Batch) -> Rows:
        """The margin (N,) of the originals over the samples."""
        return self._margin_at(batch, batch.images)

    def valid_margin(self, batch: Batch, delta: Pixels) -> Rows:
        """The margin (N,) of the valid images over the samples."""
        return self._margin_at(batch, self._valid(batch.images, delta))

    def margin_and_gradient(self, batch: Batch, delta: Pixels) -> tuple[Rows, Pixels]:
        """The margin (N,) over the samples, and its gradient (N, H, W, C)."""
        return self._gradient(self.goal.margin_and_gradient, batch, delta, self._weights)

    def cross_entropy_gradient(self, batch: Batch, delta: Pixels) -> Pixels:
        """The mean (N, H, W, C) of the samples' gradients."""
        return self.margin_and_cross_entropy_gradient(batch, delta)[1]

    def margin_and_cross_entropy_gradient(self, batch: Batch, delta: Pixels) -> tuple[Rows, Pixels]:
        """The margin (N,) over the samples, and the mean (N, H, W, C) of the samples' gradients."""
        return self._gradient(self.goal.margin_and_cross_entropy_gradient, batch, delta, tf.ones_like)

    def _margin_at(self, batch: Batch, images: Pixels) -> Rows:
        return self._bound(self._by_sample(self.goal.margin(self._sampled(batch, images))))

    def _gradient(
        self,
        of: Callable[[Batch, Pixels], Any],
        batch: Batch,
        delta: Pixels,
        weighing: Callable[[tf.Tensor], tf.Tensor],
    ) -> tuple[Rows, Pixels]:
        low, high = self.classifier.bounds
        with tf.GradientTape() as tape:
            tape.watch(delta)
            samples = self._sampled(batch, self._moved(batch.images, delta))
        values, slopes = of(samples, tf.zeros_like(samples.images))
        margins = self._by_sample(values)
        # A sample's image is in the scale of the bounds, its slope in [0, 1].
        shares = weighing(margins) / (self.samples * (high - low))
        slopes *= tf.reshape(shares, [-1, 1, 1, 1])
        gradient = tape.gradient(samples.images, delta, output_gradients=slopes)
        return self._bound(margins), movable(batch, gradient)

    def _sampled(self, batch: Batch, images: Pixels) -> Batch:
        """The samples of images (N, H, W, C) as a batch of their own; samples of the same image are consecutive."""
        seeds = mixed(self.seeds(batch.images, LOOP), self._turn)
        images, seeds, classes, positions = (
            tf.repeat(part, self.samples, axis=0) for part in (images, seeds, batch.classes, batch.positions)
        )
        places = tf.tile(tf.range(self.samples), [tf.shape(batch.images)[0]])
        shown = self.transformed(images, mixed(seeds, places))
        everywhere = tf.ones_like(shown)
        return batch._replace(images=shown, classes=classes, positions=positions, lower=-everywhere, upper=everywhere)

    def seeds(self, images: Pixels, stream: int) -> tf.Tensor:
        """Seeds (N, 2) of images (N, H, W, C): by their content, so that the place in a batch has no effect."""
        return mixed(mixed(seeds_of(images), self.seed), stream)

    def transformed(self, images: Pixels, seeds: tf.Tensor) -> Pixels:
        """Valid images (N, H, W, C), in the classifier's scale, after the transformation."""
        if self.transform is None:
            return images
        low, high = self.classifier.bounds
        try:
            shown = tf.convert_to_tensor(self.transform((images - low) / (high - low), seeds))
        except Exception as error:  # a caller's function can raise anything
            raise InputError(
                f"expected a transform of images {images.shape} and seeds {seeds.shape}, received: {cause_of(error)}"
            ) from error
        if not shown.shape.is_compatible_with(images.shape) or shown.dtype != images.dtype:
            raise InputError(
                f"expected a transform that keeps images {images.shape} of {images.dtype.name}, received {shown.shape} "
                f"of {shown.dtype.name}: resize within it, tf.image.resize(images, {tuple(images.shape[1:3])})"
            )
        return tf.clip_by_value(low + (high - low) * shown, low, high)

    def _by_sample(self, values: tf.Tensor) -> tf.Tensor:
        return tf.reshape(values, [-1, self.samples])

    def _bound(self, margins: tf.Tensor) -> Rows:
        return bound(margins, self._factor)

    def _weights(self, margins: tf.Tensor) -> tf.Tensor:
        return slopes_of_bound(margins, self._factor)

    @property
    def _factor(self) -> float:
        # No share of finitely many draws says more than this.
        share = min(self.threshold, 1.0 - 0.5 / self.draws)
        return self._strictness * tolerance_factor(self.samples, share)
