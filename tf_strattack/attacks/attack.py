"""The call that all attacks share: checks, streaming in batches, and a result that is verified afresh."""

from __future__ import annotations

import abc
import dataclasses
import time
from typing import Any, ClassVar, NamedTuple

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from tf_strattack.checks import check_classes, check_count, check_mask, check_number, check_targets
from tf_strattack.classifiers.classifier import Classifier
from tf_strattack.classifiers.memory import fitting_batch_size, no_room
from tf_strattack.classifiers.own_network import positions_of
from tf_strattack.classifiers.passing import as_classifier
from tf_strattack.errors import InputError
from tf_strattack.image_checks import check_like
from tf_strattack.problem.goal import Network, Problem
from tf_strattack.result import AttackResult
from tf_strattack.runtime import devices
from tf_strattack.runtime.causes import out_of_memory
from tf_strattack.runtime.progress import Callback, Tracker
from tf_strattack.runtime.rows import pad_rows
from tf_strattack.typing import Classes, Images
from tf_strattack.versions import versions


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
            check_number("epsilon, in [0, 1] scale,", self.epsilon, 0.0, 1.0, open_low=True)
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

        `start` (N, H, W, C) holds the perturbations that a refinement is given; an attack has nothing in it.
        """

    def valid(self, network: Network, images: Images, delta: Images) -> Images:
        """The images (N, H, W, C) that perturbations make of the originals, in the classifier's scale."""
        return network.adversarial(images, delta)

    def fallback(self, images: Images, given: Images) -> Images:
        """What examples get for which nothing was found: what they came with, to an attack the originals."""
        return given

    def run(
        self,
        classifier: Any,
        images: Any,
        start: Any,
        labels: Any,
        targets: Any,
        mask: Any,
        batch_size: int | str | None,
        callback: Callback | None,
        positions: npt.NDArray[np.int32] | None = None,
    ) -> AttackResult:
        """Checks the arguments (see `Attack.__call__`) and streams them through `perturb`.

        `positions` (N,) are those of the images in the array that inputs with a row for each image go with, if the
        images are only some of that array.
        """
        classifier = as_classifier(classifier)
        originals = classifier.prepare(images, positions)
        places = positions_of(originals) if positions is None else positions
        classifier.check_unchanged(originals, places)
        given = None
        if start is not None:
            given = check_like(classifier.prepare(start, places), originals, "adversarial images")
        labels = check_classes(labels, len(originals), classifier.num_classes, "labels")
        targets = check_targets(targets, labels, classifier.num_classes)
        allowed = check_mask(mask, originals.shape)
        allowed = np.broadcast_to(allowed, (len(originals), *allowed.shape[1:]))
        size = _batch_size(batch_size, classifier, originals)
        tracker = Tracker(len(originals), callback)
        parts: list[AttackResult] = []
        first = 0
        while first < len(originals) or not parts:
            rows = slice(first, first + size)
            batch = _Batch(
                originals[rows],
                None if given is None else given[rows],
                labels[rows],
                None if targets is None else targets[rows],
                allowed[rows],
                places[rows],
            )
            try:
                parts.append(self._run_batch(classifier, batch, tracker))
            except KeyboardInterrupt:  # outside the loops, which keep what they have: this batch is lost
                tracker.interrupted = True
                parts.append(self._run_batch(classifier, batch, tracker))
            except Exception as error:
                if not out_of_memory(error):
                    raise
                smaller = _smaller(classifier, batch.images, error)
                if batch_size != "auto":
                    raise InputError(
                        f"expected a batch that fits in memory, received {len(batch.images)} images of shape "
                        f"{originals.shape[1:]} at once: use batch_size={smaller}"
                    ) from error
                size = smaller
                continue
            first += size
        return dataclasses.replace(
            AttackResult.concatenate(parts), interrupted=tracker.interrupted, calls=dict(+tracker.calls)
        )

    def _run_batch(self, classifier: Classifier, batch: _Batch, tracker: Tracker) -> AttackResult:
        images, labels, targets, mask = batch.images, batch.labels, batch.targets, batch.mask
        rows, refines = len(images), batch.given is not None
        given = images if batch.given is None else batch.given
        clean_correct, success = np.zeros(rows, bool), np.zeros(rows, bool)
        adversarial, c = given, np.zeros(rows, np.float32)
        gradients = forwards = np.zeros(rows, np.int32)
        started = time.monotonic()
        if rows and not tracker.interrupted:
            classes, targeted = (labels, False) if targets is None else (targets, True)
            network = Network(classifier, targeted)
            whole = devices.padded(rows, images.shape[1:])
            *padded, positions = (pad_rows(part, whole) for part in (images, classes, mask, batch.positions))
            problem = Problem.build(classifier, *padded, epsilon=self.epsilon, positions=positions)
            low, high = classifier.bounds
            tracker.start_batch(rows, self.iterations())
            start = tf.constant(pad_rows((given - images) / np.float32(high - low), whole)) if refines else tf.zeros([])
            found, delta, c, gradients, forwards = self.perturb(network, problem, start, rows, tracker)
            otherwise = self.fallback(images, given)
            adversarial = np.where(found[:, None, None, None], self.valid(network, images, delta), otherwise)

            verifications = 0

            def verified(images: Images) -> npt.NDArray[np.bool_]:
                nonlocal verifications
                verifications += 1
                tracker.count(whole, forwards=1)
                tracker.count(1, forwards=rows * (classifier.passes - 1))
                return classifier.fooled_by(
                    images, labels, targets, confidence=self.confidence, positions=batch.positions, batch_size=rows
                )

            success = verified(adversarial)
            if (found & ~success).any():
                adversarial = np.where(success[:, None, None, None], adversarial, otherwise)
                success = verified(adversarial)
            tracker.count(whole, forwards=1)
            clean_correct = classifier.classify(images, batch_size=rows, positions=batch.positions) == labels
            # Besides what was spent above: is the original classified correctly, and does the result hold.
            forwards = forwards + 1 + verifications * classifier.passes
            tracker.end_batch(int(success.sum()))
        seconds = np.full(rows, (time.monotonic() - started) / max(1, rows), np.float32)
        return AttackResult(
            images,
            adversarial,
            success,
            labels,
            targets,
            clean_correct,
            c,
            gradients,
            forwards,
            seconds,
            bounds=classifier.bounds,
            attack={"name": self.name, "parameters": self.parameters, "versions": versions()},
        )


@dataclasses.dataclass(frozen=True, kw_only=True)
class Attack(Method):
    """An attack: a frozen dataclass of hyper-parameters, called with a classifier, images and labels.

    Attributes:
      epsilon: the largest change of a pixel, in [0, 1] scale; None for no limit but the bounds.
      confidence: how far, in logits, the target must lie above all other classes (untargeted: another
        class above the label).

    Raises:
      InputError: a value out of range.
    """

    def __call__(
        self,
        classifier: Any,
        images: Any,
        labels: Any,
        targets: Any = None,
        *,
        mask: Any = None,
        batch_size: int | str | None = None,
        callback: Callback | None = None,
    ) -> AttackResult:
        """Attacks images, each on its own: no result depends on what else is in the batch.

        Args:
          classifier: a `Classifier`, or a Keras model of images in [0, 1].
          images: (N, H, W, C) numbers within `classifier.bounds`.
          labels: (N,) integers, the true classes.
          targets: (N,) integers, the classes to reach; None for an untargeted attack.
          mask: booleans of shape (H, W) or (N, H, W), with or without channels: False where nothing may change.
          batch_size: examples at a time; None chooses by the size of an image, "auto" also by what fits in memory.
          callback: called with a `Progress` after every ten iterations, or about once a second where these take longer.

        Returns:
          The result, N examples; after Ctrl-C with what was best so far and `interrupted` set. An example for which
          nothing was found has its original image and success False.

        Raises:
          InputError: a value of the wrong kind, shape or range; memory that does not suffice for `batch_size`, with one
            that fits.

        Example:
          >>> import tf_strattack as sa
          >>> classifier = sa.shipped.load_classifier()
          >>> images, labels, _ = sa.shipped.load_sample()
          >>> result = sa.FGM()(classifier, images[:2], labels[:2], batch_size=16)
          >>> result.adversarial.shape, result.adversarial.dtype.name, result.success.shape
          ((2, 28, 28, 1), 'float32', (2,))
        """
        return self.run(classifier, images, None, labels, targets, mask, batch_size, callback)


class _Batch(NamedTuple):
    images: Images
    given: Images | None
    labels: Classes
    targets: Classes | None
    mask: Images
    positions: npt.NDArray[np.int32]


def _batch_size(asked: int | str | None, classifier: Classifier, images: Images) -> int:
    if asked is None:
        return devices.default_batch_size(images.shape[1:])
    if asked == "auto":
        return fitting_batch_size(classifier, images) if len(images) else 1
    if isinstance(asked, str):
        raise InputError(f"expected batch_size to be a whole number of at least 1, or auto, received {asked!r}")
    return check_count("batch_size", asked)


def _smaller(classifier: Classifier, images: Images, error: Exception) -> int:
    """A batch size below the number of `images`, with which memory did not suffice."""
    if len(images) == 1:
        raise no_room(images.shape[1:]) from error
    return min(len(images) // 2, fitting_batch_size(classifier, images))
