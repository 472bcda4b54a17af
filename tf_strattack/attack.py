"""The call that all attacks share: checks, streaming in batches, and a result that is verified afresh."""

from __future__ import annotations

import abc
import dataclasses
import time
from typing import Any, ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from tf_strattack.checks import (
    Classes,
    Images,
    check_classes,
    check_count,
    check_like,
    check_mask,
    check_number,
    check_targets,
)
from tf_strattack.classifier import Classifier, pad_rows
from tf_strattack.losses import fools
from tf_strattack.network import Network, Problem
from tf_strattack.progress import Callback, Tracker
from tf_strattack.result import AttackResult
from tf_strattack.versions import versions

# Values of a batch at most, where the caller names no batch size: 27 photographs of 224 x 224, 256 digits.
_BATCH_VALUES, _BATCH_ROWS = 2**22, 256


class Found(NamedTuple):
    """What a method made of one batch, one row an example.

    Attributes:
      found: (N,) whether there is a perturbation; rows without one keep the image they started from.
      delta: (N, H, W, C) perturbations in [0, 1] scale.
      c: (N,) weights of the margin.
      gradient_evaluations, forward_evaluations: (N,) evaluations spent in the method itself.
    """

    found: npt.NDArray[np.bool_]
    delta: Images
    c: npt.NDArray[np.float32]
    gradient_evaluations: npt.NDArray[np.int32]
    forward_evaluations: npt.NDArray[np.int32]


@dataclasses.dataclass(frozen=True, kw_only=True)
class Method(abc.ABC):
    """What attacks and the refinement share: hyper-parameters, streaming, verification.

    Attributes:
      epsilon: the largest change of a pixel, in [0, 1] scale; None for no limit but the bounds.
      confidence: how far, in logits, the target must lie above all other classes (untargeted: another
        class above the label).
    """

    name: ClassVar[str]

    epsilon: float | None = None
    confidence: float = 0.0

    def __post_init__(self) -> None:
        """Checks the values; subclasses add theirs."""
        if self.epsilon is not None:
            check_number("epsilon", self.epsilon, 0.0, 1.0, open_low=True)
        check_number("confidence", self.confidence, 0.0)

    @property
    def parameters(self) -> dict[str, Any]:
        """The hyper-parameters by name, for records."""
        return dataclasses.asdict(self)

    @abc.abstractmethod
    def iterations(self) -> int:
        """The number of iterations that a batch takes in all, for progress."""

    @abc.abstractmethod
    def perturb(self, network: Network, problem: Problem, start: tf.Tensor, rows: int, tracker: Tracker) -> Found:
        """Works on a padded batch whose first `rows` rows count.

        `start` (N, H, W, C) holds the perturbations given by the caller, 0 for an attack.
        """

    def run(
        self,
        classifier: Classifier,
        images: Any,
        start: Any,
        labels: Any,
        targets: Any,
        mask: Any,
        batch_size: int | None,
        callback: Callback | None,
    ) -> AttackResult:
        """Checks the arguments (see `Attack.__call__`) and streams them through `perturb`."""
        originals = classifier.prepare(images)
        given = originals if start is None else check_like(classifier.prepare(start), originals, "adversarial images")
        labels = check_classes(labels, len(originals), classifier.num_classes, "labels")
        targets = check_targets(targets, labels, classifier.num_classes)
        allowed = check_mask(mask, originals.shape)
        allowed = np.broadcast_to(allowed, (len(originals), *allowed.shape[1:]))
        batch_size = (
            default_batch_size(originals.shape[1:]) if batch_size is None else check_count("batch_size", batch_size)
        )
        tracker = Tracker(len(originals), callback)
        parts = []
        for first in range(0, max(1, len(originals)), batch_size):
            rows = slice(first, first + batch_size)
            batch = _Batch(
                originals[rows], given[rows], labels[rows], None if targets is None else targets[rows], allowed[rows]
            )
            try:
                parts.append(self._run_batch(classifier, batch, tracker))
            except KeyboardInterrupt:  # outside the loops, which keep what they have: this batch is lost
                tracker.interrupted = True
                parts.append(self._run_batch(classifier, batch, tracker))
        return dataclasses.replace(
            AttackResult.concatenate(parts), interrupted=tracker.interrupted, calls=dict(+tracker.calls)
        )

    def _run_batch(self, classifier: Classifier, batch: _Batch, tracker: Tracker) -> AttackResult:
        images, given, labels, targets, mask = batch
        rows = len(images)
        clean_correct, success = np.zeros(rows, bool), np.zeros(rows, bool)
        adversarial, c = given, np.zeros(rows, np.float32)
        gradients = forwards = np.zeros(rows, np.int32)
        started = time.monotonic()
        if rows and not tracker.interrupted:
            classes, targeted = (labels, False) if targets is None else (targets, True)
            network = Network(classifier, targeted)
            problem = Problem.build(classifier, pad_rows(images), pad_rows(classes), self.epsilon, pad_rows(mask))
            low, high = classifier.bounds
            tracker.start_batch(rows, self.iterations())
            start = tf.constant(pad_rows((given - images) / np.float32(high - low)))
            found, delta, c, gradients, forwards = self.perturb(network, problem, start, rows, tracker)
            adversarial = np.where(found[:, None, None, None], network.adversarial(images, delta), given)

            def verified(images: Images) -> npt.NDArray[np.bool_]:
                logits = classifier.predict(images, batch_size=rows)
                tracker.count(len(pad_rows(images)), forwards=1)
                return np.asarray(fools(tf.constant(logits), tf.constant(classes), targeted, self.confidence))

            success = verified(adversarial)
            if (found & ~success).any():
                adversarial = np.where(success[:, None, None, None], adversarial, given)
                success = verified(adversarial)
            tracker.count(len(pad_rows(images)), forwards=1)
            clean_correct = classifier.predict(images, batch_size=rows).argmax(axis=1) == labels
            # Two more passes: is the original classified correctly, and does the result hold.
            forwards = forwards + 2
            tracker.end_batch(int(success.sum()))
        seconds = np.full(rows, (time.monotonic() - started) / max(1, rows), np.float32)
        return AttackResult(
            images, adversarial, success, labels, targets, clean_correct, c, gradients, forwards, seconds,
            bounds=classifier.bounds,
            attack={"name": self.name, "parameters": self.parameters, "versions": versions()},
        )  # fmt: skip


@dataclasses.dataclass(frozen=True, kw_only=True)
class Attack(Method):
    """An attack: a frozen dataclass of hyper-parameters, called with a classifier, images and labels."""

    def __call__(
        self,
        classifier: Classifier,
        images: Any,
        labels: Any,
        targets: Any = None,
        *,
        mask: Any = None,
        batch_size: int | None = None,
        callback: Callback | None = None,
    ) -> AttackResult:
        """Attacks images, each on its own: no result depends on what else is in the batch.

        Args:
          classifier: the network.
          images: (N, H, W, C) numbers within `classifier.bounds`.
          labels: (N,) integers, the true classes.
          targets: (N,) integers, the classes to reach; None for an untargeted attack.
          mask: booleans of shape (H, W) or (N, H, W), with or without channels: False where nothing may change.
          batch_size: examples at a time; None chooses by the size of an image.
          callback: called with a `Progress` about once a second.

        Returns:
          The result; after Ctrl-C with what was best so far and `interrupted` set. An example for which
          nothing was found has its original image and success False.

        Raises:
          InputError: a value of the wrong kind, shape or range.
        """
        return self.run(classifier, images, None, labels, targets, mask, batch_size, callback)


class _Batch(NamedTuple):
    images: Images
    given: Images
    labels: Classes
    targets: Classes | None
    mask: Images


def default_batch_size(image_shape: tuple[int, ...]) -> int:
    """The batch size for images of `image_shape` (H, W, C) where the caller names none."""
    return max(1, min(_BATCH_ROWS, _BATCH_VALUES // int(np.prod(image_shape))))
