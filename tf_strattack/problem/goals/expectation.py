"""A goal under random transformations, or of a network that is random itself: it is reached on most draws."""

from __future__ import annotations

import copy
import dataclasses
import math
from collections.abc import Callable, Hashable
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from tf_strattack.checks import check_classes, check_count, check_function, check_number, check_targets, check_whole
from tf_strattack.classifiers.classifier import Classifier
from tf_strattack.errors import InputError
from tf_strattack.problem.batch import Batch
from tf_strattack.problem.goals.base import Goal, movable
from tf_strattack.problem.goals.misclassify import goal_of
from tf_strattack.runtime.rows import positions_of
from tf_strattack.transformations.randomness import mixed, seeds_of
from tf_strattack.typing import Classes, Flags, Images, Pixels, Rows, Scalar

# Streams of the seed: draws of the loop, and fresh ones.
_LOOP, _FRESH = 1, 2
# A share of draws that is a threshold but for rounding.
_ROUNDING = 1e-9

Transform = Callable[[Pixels, tf.Tensor], Any]


@dataclasses.dataclass(frozen=True)
class Expectation(Goal):
    # Of the evaluation whose samples are drawn.
    _turn: ClassVar[Any] = 0

    goal: Any
    transform: Transform | None = None
    samples: int = 16
    seed: int = 0
    threshold: float = 0.9
    draws: int = 100
    classifier: Classifier = dataclasses.field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Checks the values, and makes a goal of a classifier."""
        goal = goal_of(self.goal)
        object.__setattr__(self, "goal", goal)
        object.__setattr__(self, "classifier", goal.classifier)
        check_function("transform", self.transform, "sa.transformations.Shift(2)")
        check_count("samples", self.samples)
        check_whole("seed", self.seed)
        check_number("threshold", self.threshold, 0.0, 1.0, open_low=True)
        check_count("draws", self.draws)
        if goal.random:
            raise InputError(
                "expected a goal without an Expectation in it, received one: join transformations by "
                "sa.transformations.Chain"
            )
        if self.transform is None and not goal.unsteady:
            raise InputError(
                "expected a transform, or a network that is random from call to call, received neither: pass "
                "transform=, or load the network with stochastic=True"
            )

    # Arrays.

    def aimed(self, targeted: bool) -> Expectation:
        """The same goal, towards the classes if `targeted`, else away from them."""
        return dataclasses.replace(self, goal=self.goal.aimed(targeted))

    def verify(self, images: Images, classes: Classes, *, confidence: float, positions: npt.NDArray[np.int32]) -> Flags:
        """Whether (N,) valid images (N, H, W, C) reach the goal on enough fresh draws."""

        def reached(shown: Images) -> Flags:
            return self.goal.verify(shown, classes, confidence=confidence, positions=positions)

        return self._share(images, reached) >= self.threshold - _ROUNDING

    def share(
        self, images: Any, labels: Any, targets: Any = None, *, confidence: float = 0.0
    ) -> npt.NDArray[np.float64]:
        goal = self.aimed(targets is not None)
        array = goal.prepare(images)
        labels = check_classes(labels, len(array), goal.num_classes, "labels")
        positions = positions_of(array)
        classes = goal.asked(labels, check_targets(targets, labels, goal.num_classes), positions)

        def reached(shown: Images) -> Flags:
            return goal.goal.verify(shown, classes, confidence=confidence, positions=positions)

        return goal._share(array, reached)

    @property
    def passes(self) -> int:
        """Those of the goal, on each draw."""
        return self.draws * int(self.goal.passes)

    @property
    def batched(self) -> int:
        """Those of the goal, on each draw."""
        return self.draws * int(self.goal.batched)

    @property
    def key(self) -> Hashable:
        """The goal's, and what is drawn."""
        drawn = self.transform, self.samples, self.seed, self.threshold
        return Expectation, type(self.goal), self.goal.key, drawn

    @property
    def networks(self) -> tuple[Classifier, ...]:
        """Those of the goal."""
        networks: tuple[Classifier, ...] = self.goal.networks
        return networks

    @property
    def num_classes(self) -> int | None:
        """The goal's."""
        number: int | None = self.goal.num_classes
        return number

    def prepare(self, images: Any, positions: npt.NDArray[np.int32] | None = None) -> Images:
        """Checks images (N, H, W, C) for the goal, and that the transformation keeps their shape."""
        checked: Images = self.goal.prepare(images, positions)
        return checked

    def asked(self, labels: Classes, targets: Classes | None, positions: npt.NDArray[np.int32]) -> Classes:
        """What the goal asks."""
        asked: Classes = self.goal.asked(labels, targets, positions)
        return asked

    @property
    def columns(self) -> int:
        """The goal's."""
        return int(self.goal.columns)

    def correct(self, images: Images, labels: Classes, positions: npt.NDArray[np.int32]) -> Flags:
        """Whether (N,) the labels (N,) are seen in images (N, H, W, C) on more than half of the draws."""
        return self._share(images, lambda shown: self.goal.correct(shown, labels, positions)) > 0.5

    def _share(self, images: Images, holds: Callable[[Images], Flags]) -> npt.NDArray[np.float64]:
        """The share (N,) of fresh draws on which what an image becomes holds."""
        held = np.zeros(len(images))
        for draw in range(self.draws if len(images) else 0):
            held += holds(self._drawn(images, draw))
        return held / self.draws

    def _drawn(self, images: Images, draw: int) -> Images:
        """What images (N, H, W, C) become on a fresh draw."""
        if self.transform is None:
            return images

        def drawn(images: Pixels, draws: tf.Tensor) -> Pixels:
            return self._transformed(images, mixed(self._seeds(images, _FRESH), draws))

        draws = np.full(len(images), draw, np.int32)
        key = self.identity, "draw"
        (shown,) = self.classifier.stream(key, drawn, images, draws, batch_size=len(images))
        return shown

    # Tensors.

    @property
    def evaluations(self) -> int:
        """Those of the goal, on each sample."""
        return self.samples * int(self.goal.evaluations)

    @property
    def rows(self) -> int:
        """All samples, each with the goal's."""
        return self.samples * int(self.goal.rows)

    @property
    def random(self) -> bool:
        """True."""
        return True

    @property
    def unsteady(self) -> tuple[Classifier, ...]:
        """None: what is random is averaged."""
        return ()

    def at(self, turn: Scalar) -> Expectation:
        """The goal with the samples of one evaluation, the `turn`."""
        drawn = copy.copy(self)
        object.__setattr__(drawn, "_turn", turn)
        return drawn

    @property
    def resolution(self) -> float:
        """The goal's."""
        return float(self.goal.resolution)

    def margin(self, batch: Batch) -> Rows:
        """The margin (N,) of the originals over the samples."""
        return self._margin_at(batch, batch.images)

    def valid_margin(self, batch: Batch, delta: Pixels) -> Rows:
        """The margin (N,) of the valid images over the samples."""
        return self._margin_at(batch, self._valid(batch.images, delta))

    def margin_and_gradient(self, batch: Batch, delta: Pixels) -> tuple[Rows, Pixels]:
        """The margin (N,) over the samples, and its gradient (N, H, W, C)."""
        return self._gradient(self.goal.margin_and_gradient, batch, delta, self._worst)

    def cross_entropy_gradient(self, batch: Batch, delta: Pixels) -> Pixels:
        """The mean (N, H, W, C) of the samples' gradients."""
        return self.margin_and_cross_entropy_gradient(batch, delta)[1]

    def margin_and_cross_entropy_gradient(self, batch: Batch, delta: Pixels) -> tuple[Rows, Pixels]:
        """The margin (N,) over the samples, and the mean (N, H, W, C) of the samples' gradients."""
        return self._gradient(self.goal.margin_and_cross_entropy_gradient, batch, delta, tf.ones_like)

    def _margin_at(self, batch: Batch, images: Pixels) -> Rows:
        margins = self._by_sample(self.goal.margin(self._sampled(batch, images)))
        return self._mean(margins, self._worst(margins))

    def _gradient(
        self, of: Callable[[Batch, Pixels], Any], batch: Batch, delta: Pixels, weighing: Callable[[tf.Tensor], tf.Tensor]
    ) -> tuple[Rows, Pixels]:
        low, high = self.classifier.bounds
        with tf.GradientTape() as tape:
            tape.watch(delta)
            samples = self._sampled(batch, self._moved(batch.images, delta))
        values, slopes = of(samples, tf.zeros_like(samples.images))
        margins = self._by_sample(values)
        weights = weighing(margins)
        shares = weights / (tf.reduce_sum(weights, axis=1, keepdims=True) * (high - low))
        slopes = tf.math.multiply_no_nan(slopes, tf.reshape(shares, [-1, 1, 1, 1]))
        gradient = tape.gradient(samples.images, delta, output_gradients=slopes)
        return self._mean(margins, self._worst(margins)), movable(batch, gradient)

    def _sampled(self, batch: Batch, images: Pixels) -> Batch:
        """The samples of images (N, H, W, C) as a batch of their own, those of an image one after another."""
        seeds = mixed(self._seeds(batch.images, _LOOP), self._turn)
        images, seeds, classes, positions = (
            tf.repeat(part, self.samples, axis=0) for part in (images, seeds, batch.classes, batch.positions)
        )
        places = tf.tile(tf.range(self.samples), [tf.shape(batch.images)[0]])
        shown = self._transformed(images, mixed(seeds, places))
        everywhere = tf.ones_like(shown)
        return batch._replace(
            images=shown, classes=classes, positions=positions, lower=-everywhere, upper=everywhere
        )

    def _seeds(self, images: Pixels, stream: int) -> tf.Tensor:
        """Seeds (N, 2) of images (N, H, W, C): by their content, so that no place in a batch counts."""
        return mixed(mixed(seeds_of(images), self.seed), stream)

    def _transformed(self, images: Pixels, seeds: tf.Tensor) -> Pixels:
        """Valid images (N, H, W, C), in the classifier's scale, after the transformation."""
        if self.transform is None:
            return images
        low, high = self.classifier.bounds
        shown = tf.convert_to_tensor(self.transform((images - low) / (high - low), seeds))
        if not shown.shape.is_compatible_with(images.shape) or shown.dtype != images.dtype:
            raise InputError(
                f"expected a transform that keeps images {images.shape} of {images.dtype.name}, received {shown.shape} "
                f"of {shown.dtype.name}: resize within it, tf.image.resize(images, {tuple(images.shape[1:3])})"
            )
        return tf.clip_by_value(low + (high - low) * shown, low, high)

    def _by_sample(self, values: tf.Tensor) -> tf.Tensor:
        return tf.reshape(values, [-1, self.samples])

    def _worst(self, margins: tf.Tensor) -> tf.Tensor:
        """Weights (N, S) of margins (N, S)."""
        mode, number = MODE
        if mode == "mean":
            return tf.ones_like(margins)
        m = number
        order = tf.argsort(tf.argsort(-margins, axis=1, stable=True), axis=1, stable=True)
        if mode == "cvar":
            return tf.cast(order < m, tf.float32)
        return tf.cast(tf.equal(order, m - 1), tf.float32)

    @staticmethod
    def _mean(margins: tf.Tensor, weights: tf.Tensor) -> Rows:
        return tf.reduce_sum(margins * weights, axis=1) / tf.reduce_sum(weights, axis=1)


MODE = ("mean", 0)
