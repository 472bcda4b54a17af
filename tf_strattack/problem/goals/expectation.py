"""A goal under random transformations, or with a random network: it is reached on most draws."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Hashable
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from tf_strattack.checks import check_classes, check_count, check_function, check_number, check_targets, check_whole
from tf_strattack.classifiers.classifier import Classifier
from tf_strattack.errors import InputError
from tf_strattack.problem.goals.misclassify import goal_of
from tf_strattack.problem.goals.sampled import FRESH, Sampled, Transform
from tf_strattack.runtime.rows import positions_of
from tf_strattack.transformations.randomness import mixed
from tf_strattack.typing import Classes, Flags, Images, Pixels

# Fewer samples say too little about their spread.
_LEAST_SAMPLES = 4
# A share of draws may miss the threshold by rounding.
_ROUNDING = 1e-9


@dataclasses.dataclass(frozen=True)
class Expectation(Sampled):
    """A goal is reached on most draws of a random transformation, or of a network that is random from call to call.

    Expectation over transformation (EOT, Athalye et al. 2018, arXiv 1707.07397): each evaluation draws `samples` images
    of an example and evaluates all. An attack succeeds if the goal is reached on the share `threshold` of `draws` fresh
    draws, which no iteration has seen. The margin in the loop is an upper bound: with 99 % certainty, a draw has a
    smaller margin with the probability `threshold`. It is the mean over the samples plus the number of standard
    deviations that this requires for normally distributed margins (a one-sided tolerance limit). Examples that still
    fail on the fresh draws are attacked again, up to twice, with 1.5 and 2.5 times as many standard deviations. The
    gradient of the cross-entropy is the mean.

    Draws depend only on the seed, the content of the image and the iteration, so that no result depends on the batch;
    fresh draws depend on the content of the adversarial image. An evaluation counts as `samples` evaluations of the
    goal, the final check as `draws`. In a result, `clean_correct` says which originals are classified correctly on more
    than half of the draws. There is no certificate for this goal.

    Attributes:
      goal: a classifier, a Keras model of images in [0, 1], or a goal without an Expectation in it.
      transform: an object of `tf_strattack.transformations`, or any callable (images, seeds) -> images, of images
        (N, H, W, C) in [0, 1] scale and seeds (N, 2) int32, which keeps the shape and is differentiable; its results
        are clipped to [0, 1]. None for a network that is itself random, loaded with stochastic=True.
      samples: how many images per example an evaluation draws, at least 4.
      seed: the seed of all draws, a whole number of at least 0.
      threshold: the share of the fresh draws on which the goal must be reached, above 0 and at most 1.
      draws: the number of fresh draws.
      classifier: the classifier of the goal.

    Raises:
      InputError: a value out of range, a goal with an Expectation in it, or no randomness at all.

    Example:
      >>> import tf_strattack as sa
      >>> goal = sa.Expectation(sa.shipped.load_classifier(), sa.transformations.Shift(1), samples=8, draws=20)
      >>> images, labels, _ = sa.shipped.load_sample()
      >>> result = sa.PGD(epsilon=0.3)(goal, images[:1], labels[:1])
      >>> result.success.tolist(), bool(goal.share(result.adversarial, labels[:1])[0] >= 0.9)
      ([True], True)
    """

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
        try:
            hash(self.transform)
        except TypeError as error:  # compiled programs are kept by it
            raise InputError(
                f"expected a transform that can be hashed, received {self.transform!r:.80}: make its class a "
                "@dataclass(frozen=True), or pass a function"
            ) from error
        if check_count("samples", self.samples) < _LEAST_SAMPLES:
            raise InputError(
                f"expected samples of at least {_LEAST_SAMPLES}, from which their spread can be seen, received "
                f"{self.samples}"
            )
        check_whole("seed", self.seed)
        check_number("threshold", self.threshold, 0.0, 1.0, open_low=True)
        check_count("draws", self.draws)
        if goal.drawing:
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

    def prepare(self, images: Any, positions: npt.NDArray[np.int32] | None = None) -> Images:
        """Checks images (N, H, W, C) for the goal, and the transformation on the first of them.

        Raises:
          InputError: as the goal; a transformation that fails, changes the shape or lets no gradient through.
        """
        checked = super().prepare(images, positions)
        if self.transform is None or not len(checked):
            return checked
        first = tf.constant(checked[:1])
        with tf.GradientTape() as tape:
            tape.watch(first)
            shown = self.transformed(first, self.seeds(first, FRESH))
        if tape.gradient(shown, first) is None:
            raise InputError(
                "expected a transform that is differentiable in the images, received one without a gradient: make it "
                "of TensorFlow operations, and let rounding pass by x + tf.stop_gradient(tf.round(x) - x)"
            )
        return checked

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
        """The share of fresh draws on which images reach the goal; another `seed` of the goal gives other draws.

        Args:
          images: (N, H, W, C) numbers within the bounds, adversarial ones of any origin.
          labels: (N,) integers, the true classes.
          targets: (N,) integers, the classes to reach; None for untargeted examples.
          confidence: in logits, as in an attack.

        Returns:
          (N,) from 0 to 1.

        Raises:
          InputError: as in an attack.
        """
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
        """The passes of the goal, on each draw."""
        return self.draws * int(self.goal.passes)

    @property
    def batched(self) -> int:
        """The passes of the goal, on each draw."""
        return self.draws * int(self.goal.batched)

    @property
    def key(self) -> Hashable:
        """The key of the goal, and the parameters of the draws."""
        drawn = self.transform, self.samples, self.seed, self.threshold, self.draws, self._strictness
        return Expectation, type(self.goal), self.goal.key, drawn

    def correct(self, images: Images, labels: Classes, positions: npt.NDArray[np.int32]) -> Flags:
        """Whether (N,) images (N, H, W, C) are classified as `labels` (N,) on more than half of the draws."""
        return self._share(images, lambda shown: self.goal.correct(shown, labels, positions)) > 0.5

    def _share(self, images: Images, holds: Callable[[Images], Flags]) -> npt.NDArray[np.float64]:
        """The share (N,) of fresh draws on which a test of the transformed images holds."""
        held = np.zeros(len(images))
        for draw in range(self.draws if len(images) else 0):
            held += holds(self._drawn(images, draw))
        return held / self.draws

    def _drawn(self, images: Images, draw: int) -> Images:
        """The images (N, H, W, C) after the transformation of a fresh draw."""
        if self.transform is None:
            return images

        def drawn(images: Pixels, draws: tf.Tensor) -> Pixels:
            return self.transformed(images, mixed(self.seeds(images, FRESH), draws))

        draws = np.full(len(images), draw, np.int32)
        key = self.identity, "draw"
        (shown,) = self.classifier.stream(key, drawn, images, draws, batch_size=len(images))
        return shown
