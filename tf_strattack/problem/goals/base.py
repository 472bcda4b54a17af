"""The goal of an attack: how far an example is from it, in which direction, and whether it is reached."""

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
    """The goal of an attack on each example. All perturbations are in [0, 1] scale.

    The first methods work on the caller's arrays, the others on tensors within a graph. Solvers see only the latter,
    through `Problem`, which counts their evaluations.
    """

    # The network that defines the bounds, and that keeps the compiled programs.
    classifier: Classifier

    # Arrays.

    @abc.abstractmethod
    def aimed(self, targeted: bool) -> Goal:
        """The same goal towards `Batch.classes` if `targeted`, else away from them."""

    @abc.abstractmethod
    def verify(self, images: Images, classes: Classes, *, confidence: float, positions: npt.NDArray[np.int32]) -> Flags:
        """Whether (N,) the goal is reached by valid images (N, H, W, C): the final decision, made after the attack."""

    @property
    @abc.abstractmethod
    def passes(self) -> int:
        """How often `verify` classifies each image."""

    @property
    def batched(self) -> int:
        """How many of the `passes` take the whole batch (the others take single images); as many as `correct` needs."""
        return 1

    @property
    @abc.abstractmethod
    def key(self) -> Hashable:
        """Everything on which the graphs of the goal depend, except the networks."""

    @property
    def networks(self) -> tuple[Classifier, ...]:
        """All networks of the goal; `classifier` is the first."""
        return (self.classifier,)

    @property
    def num_classes(self) -> int | None:
        """The number of classes that labels and targets can be, None before `prepare`."""
        return self.classifier.num_classes

    def prepare(self, images: Any, positions: npt.NDArray[np.int32] | None = None) -> Images:
        """Checks images (N, H, W, C) for every network, and the networks; returns them as float32.

        Raises:
          InputError: as in `Classifier.prepare`, and for networks with which the goal cannot be reached.
        """
        for network in self.networks:
            images = network.prepare(images, positions)
        checked: Images = images
        return checked

    def check_unchanged(self, images: Images, positions: npt.NDArray[np.int32]) -> None:
        """Checks whether each network has changed since it was compiled; see `Classifier.check_unchanged`."""
        for network in self.networks:
            network.check_unchanged(images, positions)

    def asked(self, labels: Classes, targets: Classes | None, positions: npt.NDArray[np.int32]) -> Classes:
        """The classes of the goal for each example, int32 (N,) or (N, `columns`), as in `Batch.classes` and `verify`.

        `labels` and `targets` (N,) are those of the call, `positions` (N,) the places of the images in the call.
        """
        return labels if targets is None else targets

    @property
    def columns(self) -> int:
        """How many numbers `asked` returns for each example; 0 if it is a single one, in an array (N,)."""
        return 0

    def correct(self, images: Images, labels: Classes, positions: npt.NDArray[np.int32]) -> Flags:
        """Whether (N,) every network of the goal sees the labels (N,) in images (N, H, W, C)."""
        seen = np.ones(len(images), bool)
        for network in self.networks:
            seen &= network.classify(images, batch_size=len(images), positions=positions) == labels
        return seen

    def stricter(self) -> tuple[Goal, ...]:
        """Goals to attack, one after another, for examples that succeed in the loop but fail in `verify`."""
        return ()

    # Tensors.

    @property
    def evaluations(self) -> int:
        """How often each evaluation below calls a network, and so how many evaluations it counts as."""
        return 1

    @property
    def width(self) -> int:
        """How many rows per example a network gets at once."""
        return 1

    @property
    def drawing(self) -> bool:
        """Whether evaluations are random, so that `at` has an effect."""
        return False

    @property
    def unsteady(self) -> tuple[Classifier, ...]:
        """The networks that are random from call to call, without an `Expectation` over them."""
        return tuple(network for network in self.networks if network.stochastic)

    def at(self, turn: Scalar) -> Goal:
        """The goal with the draws of one evaluation, `turn`; a goal without randomness is unchanged."""
        return self

    @property
    @abc.abstractmethod
    def resolution(self) -> float:
        """By how much, in logits, rounding can move a margin; 0 in float32."""

    @property
    def unit(self) -> float:
        """What counts as one logit: 1, or less if the logits of a network are far below 1."""
        return min(network.unit for network in self.networks)

    @abc.abstractmethod
    def margin(self, batch: Batch) -> Rows:
        """How far (N,) the originals are from the goal, in logits; negative where they have reached it."""

    @abc.abstractmethod
    def margin_and_gradient(self, batch: Batch, delta: Pixels) -> tuple[Rows, Pixels]:
        """The margin (N,) at x0 + delta, which need not be a valid image, and its gradient (N, H, W, C).

        The gradient is 0 where the box allows no change, so that no iterate moves there.
        """

    @abc.abstractmethod
    def cross_entropy_gradient(self, batch: Batch, delta: Pixels) -> Pixels:
        """The gradient (N, H, W, C) of the cross-entropy at x0 + delta, up to a positive factor per example.

        A step against it makes the target more likely, or (untargeted) the label less likely.
        """

    @abc.abstractmethod
    def valid_margin(self, batch: Batch, delta: Pixels) -> Rows:
        """The margin (N,) of the valid image of each perturbation, as it is stored."""

    # Derived from these.

    def margin_and_cross_entropy_gradient(self, batch: Batch, delta: Pixels) -> tuple[Rows, Pixels]:
        """The margin (N,) at x0 + delta, and the gradient (N, H, W, C) that `cross_entropy_gradient` returns.

        Each takes a forward pass, unless a goal gets both from one.
        """
        return self.valid_margin(batch, delta), self.cross_entropy_gradient(batch, delta)

    def required_margin(self, margins: Rows, confidence: float) -> Rows:
        """The confidence (N,), in logits, that candidates must reach, from the margins (N,) of the originals.

        It is a little more than `confidence`, so that a fresh forward pass, whose last bits depend on the batch,
        agrees; and still more if the network computes in less than float32.
        """
        return confidence + tf.maximum(1e-4 * tf.maximum(tf.abs(margins), self.unit), self.resolution)

    @property
    def identity(self) -> Hashable:
        """Everything on which a graph of the goal depends: its key, and its networks at their last check."""
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
    """The gradient (N, H, W, C), with 0 where the box of the batch allows no change."""
    # A tenth of the time of tf.where, and 0 even where the gradient is NaN.
    return tf.math.multiply_no_nan(gradient, tf.cast(batch.upper > batch.lower, gradient.dtype))
