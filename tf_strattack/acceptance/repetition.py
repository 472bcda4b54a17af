"""Promises about the same example again: in another batch, and in another run."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import tensorflow as tf

from tf_strattack.acceptance.trial import Numbers, Trial
from tf_strattack.acceptance.verdict import Verdict
from tf_strattack.attacks.attack import SolverAttack
from tf_strattack.attacks.strattack import StrAttack
from tf_strattack.problem.objective import Objective
from tf_strattack.result import AttackResult
from tf_strattack.runtime import devices
from tf_strattack.runtime.rows import pad_rows

# Where the rows of a network depend on the batch in their last bits, objectives may differ by this share.
_CLOSE = 0.05
# The parts of a result that the same call gives again.
SAME = ("adversarial", "success", "c", "gradient_evaluations", "forward_evaluations")


def batch(trial: Trial) -> Verdict:
    """An example alone, or in another batch, has the result that it has among all.

    Bit by bit where the rows of the network are equal in all batches. Elsewhere success is equal, and the objective
    within 5 %.
    """
    whole, number = trial.result, len(trial.images)
    if number < 2:
        return Verdict("batch", None, "there is one example only")
    exact = _rows_are_equal(trial)
    # Alone, a later example has lost those in front of it; a failure would show nothing.
    changed = np.flatnonzero(whole.success)[-1:].tolist()
    later, what = (changed[0], "last success") if changed else (number - 1, "last example")
    parts: dict[str, tuple[slice, dict[str, Any]]] = {
        "the first example alone": (slice(0, 1), {}),
        f"the first {max(2, number // 3)} examples": (slice(0, max(2, number // 3)), {}),
        f"batches of {number // 2 + 1}": (slice(None), {"batch_size": number // 2 + 1}),
        f"the {what} alone": (slice(later, later + 1), {}),
    }
    farthest = 0.0
    for name, (rows, options) in parts.items():
        part, same = trial.run(rows=rows, **options), whole[rows]
        if not np.array_equal(part.success, same.success):
            text = f"{name}: {(part.success != same.success).sum()} of {len(part)} succeed otherwise than among all"
            return Verdict("batch", False, text)
        if np.array_equal(part.adversarial, same.adversarial):
            continue
        cost, among_all = _cost(trial, part), _cost(trial, same)
        apart = np.abs(cost - among_all) / np.maximum(among_all, np.finfo(np.float32).tiny)
        farthest = max(farthest, float(apart[part.success].max(initial=0)))
        if exact:
            differ = (part.adversarial != same.adversarial).any(axis=(1, 2, 3)).sum()
            text = f"{name}: {differ} of {len(part)} images differ from those among all, and the network's rows do not"
            return Verdict("batch", False, text)
        if farthest > _CLOSE:
            text = f"{name}: the objective differs by {farthest:.1%} from that among all, more than {_CLOSE:.0%}"
            return Verdict("batch", False, text, {"objective_differs_by": farthest})
    text = f"equal bit by bit in {len(parts)} other batches" if not farthest else f"objectives within {farthest:.2%}"
    details = {"objective_differs_by": farthest, "rows_of_the_network_are_equal": exact}
    return Verdict("batch", True, text, details)


def determinism(trial: Trial) -> Verdict:
    """The same call again, by an equal attack, gives the same result, bit by bit."""
    first, again = trial.result, trial.run(dataclasses.replace(trial.attack))
    differ = [name for name in SAME if not equal(getattr(first, name), getattr(again, name))]
    seed = trial.attack.hyper_parameters.get("seed")
    details = {"seed": seed, "differ": differ}
    if differ:
        return Verdict("determinism", False, f"the same call again differs in {', '.join(differ)}", details)
    return Verdict("determinism", True, "the same call again is equal bit by bit", details)


def equal(one: Any, other: Any) -> bool:
    """Whether arrays are equal; NaN, such as the constant of an attack that has none, equals NaN."""
    floating = np.asarray(one).dtype.kind == "f" and np.asarray(other).dtype.kind == "f"
    return np.array_equal(one, other, equal_nan=floating)


def _cost(trial: Trial, result: AttackResult) -> Numbers:
    """The objective (N,) of the attack, in [0, 1] scale; the l2 norm if it names none."""
    delta, attack = tf.constant(result.delta), trial.attack
    objective = Objective()
    if isinstance(attack, SolverAttack):
        objective = attack.objective
    elif isinstance(attack, StrAttack):
        objective = attack.objective(*delta.shape[1:3])
        if objective.groups is not None and objective.groups.own:  # maps that belong to the images of the call
            objective = Objective()
    return np.asarray(objective.cost(delta), np.float64)


def _rows_are_equal(trial: Trial) -> bool:
    """Whether scores and gradients of the originals are equal, bit by bit, in every batch that the attack can make."""
    images, shape = trial.images, trial.images.shape[1:]

    def rows(images: tf.Tensor, positions: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        with tf.GradientTape() as tape:
            tape.watch(images)
            logits = trial.classifier.logits(images, positions)
            spread = tf.reduce_max(logits, axis=1) - tf.reduce_mean(logits, axis=1)
        return logits, tape.gradient(spread, images)

    def of(places: Any) -> list[Any]:
        size = devices.padded(len(places), shape)
        given = (tf.constant(pad_rows(part, size)) for part in (images[places], places.astype(np.int32)))
        return [part.numpy()[: len(places)] for part in compiled(*given)]

    every = np.arange(len(images))
    compiled = trial.classifier.program("acceptance", rows, tf.constant(images), tf.constant(every.astype(np.int32)))
    whole = of(every)
    others = [every[:size] for size in range(1, len(every)) if devices.padded(size, shape) != len(every)]
    for places in (*others[-1:], every[::-1], *others[:-1]):
        if not all(np.array_equal(part, among[places]) for part, among in zip(of(places), whole, strict=True)):
            return False
    return True
