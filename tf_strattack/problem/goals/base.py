"""What an attack is to achieve: how far an example is from it, in which direction, and whether it is there."""

from __future__ import annotations

import abc
from collections.abc import Callable, Hashable
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from tf_strattack.classifiers.classifier import Classifier
from tf_strattack.problem.batch import Batch
from tf_strattack.typing import Classes, Flags, Images, Pixels, Rows, Scalar


class Goal(abc.ABC):
    """What must come true of an example. All perturbations are in [0, 1] scale.

    The first methods face the caller's arrays, the others work on tensors within a graph. Solvers see only the latter,
    through `Problem`, which counts what they evaluate.
    """

    # The network whose bounds count, and that keeps what is compiled.
    classifier: Classifier

    # Arrays.

    @abc.abstractmethod
    def aimed(self, targeted: bool) -> Goal:
        """The same goal towards `Batch.classes` if `targeted`, else away from them."""

    @abc.abstractmethod
    def verify(self, images: Images, classes: Classes, *, confidence: float, positions: npt.NDArray[np.int32]) -> Flags:
        """Whether (N,) the goal is reached by valid images (N, H, W, C): the last word, asked after the attack."""

    @property
    @abc.abstractmethod
    def passes(self) -> int:
        """How often `verify` has each image classified."""

    @property
    def batched(self) -> int:
        """How many of the `passes` are of the whole batch, the others of each image alone; what `correct` takes."""
        return 1

    @property
    @abc.abstractmethod
    def key(self) -> Hashable:
        """What the graphs of the goal depend on, besides the networks."""

    @property
    def networks(self) -> tuple[Classifier, ...]:
        """All networks that are asked; `classifier` is the first."""
        return (self.classifier,)

    @property
    def num_classes(self) -> int | None:
        """The number of classes that labels and targets can be, None before `prepare`."""
        return self.classifier.num_classes

    def prepare(self, images: Any, positions: npt.NDArray[np.int32] | None = None) -> Images:
        """Checks images (N, H, W, C) for every network, and the networks; returns them as float32.

        Raises:
          InputError: as `Classifier.prepare`, and whatever the goal cannot be reached with.
        """
        for network in self.networks:
            images = network.prepare(images, positions)
        checked: Images = images
        return checked

    def check_unchanged(self, images: Images, positions: npt.NDArray[np.int32]) -> None:
        """Looks whether each network is still what was compiled of it; see `Classifier.check_unchanged`."""
        for network in self.networks:
            network.check_unchanged(images, positions)

    def asked(self, labels: Classes, targets: Classes | None, positions: npt.NDArray[np.int32]) -> Classes:
        """What is asked of each example, int32 (N,) or (N, `columns`): becomes `Batch.classes`, and that of `verify`.

        `labels` and `targets` (N,) are those of the call, `positions` (N,) the places of the images in it.
        """
        return labels if targets is None else targets

    @property
    def columns(self) -> int:
        """How many numbers `asked` returns for each example; 0 for a single one, an array (N,)."""
        return 0

    def correct(self, images: Images, labels: Classes, positions: npt.NDArray[np.int32]) -> Flags:
        """Whether (N,) every network of the goal sees the labels (N,) in images (N, H, W, C)."""
        seen = np.ones(len(images), bool)
        for network in self.networks:
            seen &= network.classify(images, batch_size=len(images), positions=positions) == labels
        return seen

    def stricter(self) -> tuple[Goal, ...]:
        """Goals to attack, one after another, where what the loop takes for a success fails in `verify`."""
        return ()

    # Tensors.

    @property
    def evaluations(self) -> int:
        """How often a network is called for each of the evaluations below, which count as so many."""
        return 1

    @property
    def width(self) -> int:
        """How many rows of an example a network gets at once."""
        return 1

    @property
    def drawing(self) -> bool:
        """Whether an evaluation draws something, so that `at` counts."""
        return False

    @property
    def unsteady(self) -> tuple[Classifier, ...]:
        """The networks that are random from call to call, and over whose randomness no `Expectation` is taken."""
        return tuple(network for network in self.networks if network.stochastic)

    def at(self, turn: Scalar) -> Goal:
        """The goal with the draws of one evaluation, `turn`; one without any is itself."""
        return self

    @property
    @abc.abstractmethod
    def resolution(self) -> float:
        """By how much, in logits, rounding can move a margin; 0 in float32."""

    @abc.abstractmethod
    def margin(self, batch: Batch) -> Rows:
        """How far (N,) the originals are from the goal, in logits; negative where they have reached it."""

    @abc.abstractmethod
    def margin_and_gradient(self, batch: Batch, delta: Pixels) -> tuple[Rows, Pixels]:
        """The margin (N,) at x0 + delta, which need not be a valid image, and its gradient (N, H, W, C).

        The gradient is 0 where the box leaves nothing to change, so that no iterate moves there.
        """

    @abc.abstractmethod
    def cross_entropy_gradient(self, batch: Batch, delta: Pixels) -> Pixels:
        """The gradient (N, H, W, C) of the cross-entropy at x0 + delta but for a positive factor of each example.

        Against it the target becomes likelier, or (untargeted) the label less likely.
        """

    @abc.abstractmethod
    def valid_margin(self, batch: Batch, delta: Pixels) -> Rows:
        """The margin (N,) of the valid image of each perturbation, as it is stored."""

    # What follows from these.

    def margin_and_cross_entropy_gradient(self, batch: Batch, delta: Pixels) -> tuple[Rows, Pixels]:
        """The margin (N,) at x0 + delta, and the gradient (N, H, W, C) that `cross_entropy_gradient` returns.

        Of a forward pass each, unless a goal has both from one.
        """
        return self.valid_margin(batch, delta), self.cross_entropy_gradient(batch, delta)

    def required_margin(self, margins: Rows, confidence: float) -> Rows:
        """The confidence (N,), in logits, that candidates must reach, from the margins (N,) of the originals.

        A little more than `confidence`, so that a fresh forward pass, whose last bits depend on the batch, agrees; and
        more where the network rounds to less than float32.
        """
        return confidence + tf.maximum(1e-4 * tf.maximum(tf.abs(margins), 1.0), self.resolution)

    @property
    def identity(self) -> Hashable:
        """What a graph of the goal depends on: its key, and its networks as they were last looked at."""
        return type(self), self.key, tuple((network, network.generation) for network in self.networks[1:])

    def program(self, key: Hashable, function: Callable[..., Any], *example: Any) -> Callable[..., Any]:
        """Compiles `function` once for this goal and key; see `Classifier.program`."""
        return self.classifier.program((self.identity, key), function, *example)

    def valid_images(self, images: Images, delta: Images) -> Images:
        """The valid images (N, H, W, C) of perturbations, in the classifier's scale; the originals where delta is 0."""
        return self._valid(tf.constant(images), tf.constant(delta)).numpy()

    def _valid(self, images: Pixels, delta: Pixels) -> Pixels:
        return tf.clip_by_value(self._moved(images, delta), *self.classifier.bounds)

    def _moved(self, images: Pixels, delta: Pixels) -> Pixels:
        low, high = self.classifier.bounds
        return images + (high - low) * delta


def movable(batch: Batch, gradient: Pixels) -> Pixels:
    """The gradient (N, H, W, C), 0 where the box of the batch leaves nothing to change, whatever it is there."""
    # A tenth of the time of tf.where, and 0 even where the gradient is NaN.
    return tf.math.multiply_no_nan(gradient, tf.cast(batch.upper > batch.lower, gradient.dtype))
