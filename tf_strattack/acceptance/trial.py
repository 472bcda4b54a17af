"""An attack on some examples, tried again and again: alone, with a mask, with another confidence."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from tf_strattack import metrics
from tf_strattack.attacks.attack import Attack
from tf_strattack.attacks.projected_gradient import PGD
from tf_strattack.checks import check_classes, check_function, check_targets
from tf_strattack.classifiers.classifier import Classifier
from tf_strattack.classifiers.outputs import as_logits, decisive
from tf_strattack.classifiers.passing import as_classifier
from tf_strattack.errors import InputError
from tf_strattack.problem.groups import GroupStructure
from tf_strattack.result import AttackResult
from tf_strattack.result_checks import fault_of_return
from tf_strattack.runtime.rows import positions_of
from tf_strattack.typing import Classes, Images

# Images (N, H, W, C) within the bounds → the network's own output (N, K), or (N, 1) for two classes.
Owner = Callable[[Images], Any]
# Images count as unchanged up to this rounding of a perturbation, in [0, 1] scale.
ROUNDING = 1e-6

Numbers = npt.NDArray[np.float64]


class Run(NamedTuple):
    """A run of `attack`, as it was changed for a promise, on the examples `rows`."""

    rows: npt.NDArray[np.intp]
    result: AttackResult
    attack: Attack


class Trial:
    """The examples on which promises are tried, and every run of the attack on them so far.

    Attributes:
      classifier, attack: the network, and the attack.
      images: (N, H, W, C) float32 within the bounds.
      labels: (N,) int32, the true classes.
      targets: (N,) int32, or None for an untargeted attack.
      runs: all runs so far.
    """

    def __init__(
        self, classifier: Any, attack: Attack, images: Any, labels: Any, targets: Any = None, owner: Owner | None = None
    ) -> None:
        """Checks the arguments, see `check`; nothing runs yet.

        Raises:
          InputError: a value of the wrong kind, shape or range.
        """
        if not isinstance(attack, Attack):
            raise InputError(f"expected an attack, of a class that derives from sa.Attack, received {attack!r}")
        self.classifier: Classifier = as_classifier(classifier)
        self.attack = attack
        self.images: Images = self.classifier.prepare(images)
        if not len(self.images):
            raise InputError("expected at least one image, received none")
        number = self.classifier.num_classes
        self.labels: Classes = check_classes(labels, len(self.images), number, "labels")
        self.targets = check_targets(targets, self.labels, number)
        if owner is not None:
            check_function("owner", owner, "model.predict")
        self._owner = owner
        self.runs: list[Run] = []

    @functools.cached_property
    def result(self) -> AttackResult:
        """The attack on all examples."""
        return self.run()

    def run(
        self,
        attack: Attack | None = None,
        rows: slice = slice(None),
        *,
        classifier: Classifier | None = None,
        **options: Any,
    ) -> AttackResult:
        """Runs the attack.

        Args:
          attack: another one, in its place.
          rows: some of the examples.
          classifier: another one, in place of the network's.
          **options: those of `Attack.__call__`.

        Raises:
          KeyboardInterrupt: Ctrl-C.
          ValueError: what the attack has returned is no result, or one of other examples.
        """
        targets = None if self.targets is None else self.targets[rows]
        network = self.classifier if classifier is None else classifier
        chosen = self.attack if attack is None else attack
        groups = getattr(chosen, "groups", None)
        if isinstance(groups, GroupStructure):  # each image may have its own
            own: dict[str, Any] = {"groups": groups[rows]}
            chosen = dataclasses.replace(chosen, **own)
        given = self.images[rows].copy(), self.labels[rows].copy(), None if targets is None else targets.copy()
        result = chosen(network, *given, **options)  # an attack of the user's own may write into what it is given
        if fault := fault_of_return(result, len(given[0]), AttackResult):
            raise ValueError(fault)
        if result.interrupted:
            raise KeyboardInterrupt
        self.runs.append(Run(np.arange(len(self.images))[rows], result, chosen))
        return result

    def scores(self, images: Images) -> npt.NDArray[np.float32]:
        """The output (N, K) of the network for `images` (N, H, W, C), called by its owner and not by the classifier.

        One score for two classes becomes two.
        """
        if self._owner is None:
            # Eagerly, without padding: nothing compiled, and nothing that the attack has used.
            raw = self.classifier.scores(tf.constant(images), tf.constant(positions_of(images)))
        else:
            raw = tf.cast(self._owner(images), tf.float32)
        found: npt.NDArray[np.float32] = np.asarray(raw).astype(np.float32)
        return found[:, None] if found.ndim == 1 else found

    def leads(self, images: Images, rows: Any = slice(None), *, logits: bool = False) -> Numbers:
        """How far (N,) each of `images` (N, H, W, C) is in its goal, by the owner's output: above 0 where it fools.

        They are images of the examples `rows`. With `logits` the output is converted to logits first.
        """
        scores, kind = tf.constant(self.scores(images)), self.classifier.returned
        values = np.asarray(as_logits(scores, kind) if logits else decisive(scores, kind)).astype(np.float64)
        places, chosen = np.arange(len(values)), (self.labels if self.targets is None else self.targets)[rows]
        own = values[places, chosen].copy()
        values[places, chosen] = -np.inf
        lead: Numbers = own - values.max(axis=1)
        return -lead if self.targets is None else lead

    def classes(self, images: Images) -> Classes:
        """The classes (N,) of `images` (N, H, W, C) by the owner's output."""
        scores = tf.constant(self.scores(images))
        return np.asarray(decisive(scores, self.classifier.returned)).argmax(axis=1).astype(np.int32)

    def size(self, result: AttackResult) -> Numbers:
        """What `epsilon` of the attack limits, (N,): the largest change of a pixel, or the norm of PGD's ball."""
        measure = getattr(metrics, self.attack.norm) if isinstance(self.attack, PGD) else metrics.linf
        measured: Numbers = measure(result.delta)
        return measured

    @property
    def rounding(self) -> float:
        """By how much the rounding of pixels can move a perturbation, in [0, 1] scale."""
        low, high = self.classifier.bounds
        return ROUNDING + float(4 * np.finfo(np.float32).eps * max(abs(low), abs(high)) / (high - low))
