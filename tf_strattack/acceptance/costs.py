"""The promise about cost: what a result counts is what the network was asked for."""

from __future__ import annotations

import dataclasses
import threading
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from tf_strattack.acceptance.limits import asymmetric_mask
from tf_strattack.acceptance.trial import Trial
from tf_strattack.acceptance.verdict import Verdict
from tf_strattack.attacks.attack import Attack
from tf_strattack.classifiers.adapted import Network
from tf_strattack.result import AttackResult

_KINDS = ("gradient", "forward")
# Any, so that it is not the attack's own.
_CONFIDENCE = 0.01


class Watch:
    """Counts the calls of a network as they happen, from within its graph.

    Attributes:
      evaluations: kind → (N,) calls in which each of the N examples was, gradients with their forward pass.
      rows: kind → rows of all calls, padding included.
    """

    def __init__(self, examples: int) -> None:
        """Starts to count for a call on `examples` images."""
        self._examples, self._counting = examples, threading.Lock()
        self.clear()

    def clear(self) -> None:
        """Forgets the calls so far."""
        self.evaluations = {kind: np.zeros(self._examples, np.int64) for kind in _KINDS}
        self.rows = dict.fromkeys(_KINDS, 0)

    def around(self, network: Network) -> Network:
        """The same network, watched."""

        def watched(images: Any, positions: Any) -> Any:
            return network(self._seen(images, positions), positions)

        return watched

    def _seen(self, images: Any, positions: Any) -> tf.Tensor:
        """The images as they are; their passage forward, and that of their gradient back, are counted."""
        places = tf.range(tf.shape(images)[0]) if positions is None else positions

        def passing(values: tf.Tensor, kind: str) -> tf.Tensor:
            noted = tf.numpy_function(lambda places: self._note(kind, places), [places], tf.float32)
            with tf.control_dependencies([noted]):
                return tf.identity(values)

        def both_ways(values: tf.Tensor) -> Any:
            return passing(values, "forward"), lambda upstream: passing(upstream, "gradient")

        found: tf.Tensor = tf.custom_gradient(both_ways)(tf.convert_to_tensor(images))
        return found

    def _note(self, kind: str, places: npt.NDArray[np.int32]) -> np.float32:
        """Counts a call, of which TensorFlow may make several at once; padding repeats a row that is there already."""
        with self._counting:
            self.evaluations[kind][np.unique(places)] += 1
            self.rows[kind] += len(places)
            if kind == "gradient":  # its forward pass is a part of it
                self.evaluations["forward"][np.unique(places)] -= 1
                self.rows["forward"] -= len(places)
        return np.float32(0.0)


def counts(trial: Trial) -> Verdict:
    """Gradient and forward evaluations of each example, and the calls of the network, are those that were observed.

    With a mask and a confidence as well.
    """
    watch = Watch(len(trial.images))
    classifier = trial.classifier.watched(watch.around)
    classifier.prepare(trial.images)  # the first use looks at the network, at no attack's cost
    confident = dataclasses.replace(trial.attack, confidence=trial.attack.confidence + _CONFIDENCE)
    ways: dict[str, tuple[Attack, dict[str, Any]]] = {
        "": (trial.attack, {}),
        "with a mask and a confidence, ": (confident, {"mask": asymmetric_mask(*trial.images.shape[1:3])}),
    }
    details: dict[str, Any] = {}
    for way, (attack, options) in ways.items():
        watch.clear()
        result = trial.run(attack, classifier=classifier, **options)
        wrong = _difference(result, watch)
        figures = {kind: _figures(result, watch, kind) for kind in _KINDS}
        if wrong:
            return Verdict("counts", False, way + wrong, figures)
        details = details or figures
    numbers = " and ".join(f"{details[kind]['observed']} {kind}" for kind in _KINDS)
    return Verdict("counts", True, f"{numbers} evaluations, as observed", details)


def _figures(result: AttackResult, watch: Watch, kind: str) -> dict[str, int]:
    reported, observed = getattr(result, f"{kind}_evaluations"), watch.evaluations[kind]
    return {"reported": int(reported.sum()), "observed": int(observed.sum())}


def _difference(result: AttackResult, watch: Watch) -> str:
    """Where a result counts otherwise than was observed; "" if nowhere."""
    for kind in _KINDS:
        reported, observed = getattr(result, f"{kind}_evaluations"), watch.evaluations[kind]
        if not np.array_equal(reported, observed):
            return (
                f"{reported.sum()} {kind} evaluations are reported and {observed.sum()} observed, "
                f"in {(reported != observed).sum()} of {len(result)} examples another number"
            )
        made = sum(rows * number for (name, rows), number in result.calls.items() if name == kind)
        if made != watch.rows[kind]:
            return f"calls of {made} rows in all are reported for {kind}s, and {watch.rows[kind]} observed"
    return ""
