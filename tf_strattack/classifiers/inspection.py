"""The checks of a network before the first attack: guard rails as in AutoAttack (arXiv 2003.01690)."""

from __future__ import annotations

import math
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from tf_strattack.classifiers.adapted import Adapted, Network
from tf_strattack.classifiers.guards import (
    Scores,
    check_also,
    check_gradient,
    check_predict,
    check_repeatable,
    check_rows,
    check_scores,
    evaluate,
    float32,
    largest,
)
from tf_strattack.classifiers.outputs import LOGITS, PROBABILITIES, SIGMOID, as_logits
from tf_strattack.classifiers.probe import Probe
from tf_strattack.errors import InputError
from tf_strattack.notices import report

# The largest change between batch sizes, relative to the scores, that rounding in float32 explains.
_ROUNDING = 1e-4
# The largest difference between probabilities and the head that is recomputed in float32.
_HEAD_TOLERANCE = 1e-4
_EPSILON = {tf.bfloat16: 2.0**-7, tf.float16: 2.0**-10}


class Findings(NamedTuple):
    """The facts about a network after its checks.

    Attributes:
      num_classes: the number of classes.
      kind: the kind of its output, see `outputs.KINDS`.
      behind_head: whether its logits are taken in front of its last activation.
      resolution: by how much, in logits, rounding in less than float32 can move a margin; 0 in float32.
      single: whether it returns one number for each image, for two classes.
      unit: what counts as one logit: 1, or a power of ten that is less if the network's logits are far below 1.
    """

    num_classes: int
    kind: str
    behind_head: bool
    resolution: float
    single: bool = False
    unit: float = 1.0


def inspect(own: Network, adapted: Adapted, stated: str | None, probe: Probe, stochastic: bool = False) -> Findings:
    """Checks a network with some images.

    Args:
      own: the network with its owner's preprocessing, from images to class scores (N, K) in its own precision.
      adapted: the result of the adapter; its `logits` include the same preprocessing.
      stated: the kind of outputs that the caller states; None to find out.
      probe: the images.
      stochastic: whether its owner says that the network is random, so that two calls cannot be compared.

    Raises:
      InputError: output that is not (N, classes) or not finite, that changes from call to call or with the other rows
        of the batch, or that has no gradient to the image; a `predict` that does more than the network.

    Warns:
      InputWarning: the kind of the outputs is a guess, or they have lost the margin.
    """
    raw = evaluate(own, probe.batch, probe.positions)
    scores = check_scores(raw, len(probe.batch), probe.rows)
    alone = scores[:1]
    if stochastic:
        adapted = adapted._replace(logits=None)  # as they cannot be compared with the output
    else:
        check_repeatable(scores, own, probe)
        alone = check_rows(scores, own, probe)
        check_predict(scores, adapted, probe)
        check_also(scores, adapted, probe)
    kind = _stated_or_known(stated, adapted.outputs, scores.shape[1]) or _kind(
        scores[np.isfinite(scores).all(axis=1)], raw.dtype
    )
    if stated is not None and kind != LOGITS:
        _check_probabilities(scores[: probe.rows], kind, raw.dtype)
    for note in adapted.notes:
        report(note, option="data_format" if "data_format=" in note else None)
    behind_head = adapted.logits is not None and _reproduces(scores, raw.dtype, adapted, probe)
    if behind_head and adapted.logits is not None:
        values = evaluate(adapted.logits, probe.batch, probe.positions)
        single = evaluate(adapted.logits, probe.batch[:1], probe.positions[:1])
        logits, alone_logits, dtype = float32(values), float32(single), values.dtype
    else:
        logits, alone_logits = (as_logits(tf.constant(part), kind).numpy() for part in (scores, alone))
        dtype = raw.dtype if kind == LOGITS else tf.float32
        if kind != LOGITS:
            _warn_of_saturation(scores[: probe.rows], kind)
    network = adapted.logits if behind_head and adapted.logits is not None else own
    check_gradient(network, LOGITS if behind_head else kind, adapted, probe)
    if scores.shape[1] > 1:
        _warn_of_ties(scores[: probe.rows])
    resolution = _resolution(logits, alone_logits, dtype, raw.dtype if kind != LOGITS else dtype, adapted)
    return Findings(max(2, scores.shape[1]), kind, behind_head, resolution, scores.shape[1] == 1, _unit(logits))


def _stated_or_known(stated: str | None, known: str | None, number: int) -> str | None:
    """The kind that the caller or the last layer states; a single linear output may be either."""
    if stated is None or known is None or stated == known or (number == 1 and known == LOGITS):
        return stated or known
    if number == 1 and {stated, known} == {PROBABILITIES, SIGMOID}:
        return known
    raise InputError(
        f"expected outputs={known!r}, as the network's last layer says, received {stated!r}: leave outputs= out",
        option="outputs",
    )


def _check_probabilities(scores: Scores, kind: str, dtype: Any) -> None:
    """Refuses scores (N, K) that cannot be probabilities as the caller states."""
    if ((scores < 0) | (scores > 1)).any():
        raise InputError(
            f"expected probabilities in [0, 1], as outputs={kind!r} says, received {scores.min():.3g} to "
            f"{scores.max():.3g}: state outputs='logits'",
            option="outputs",
        )
    if kind == PROBABILITIES and scores.shape[1] > 1 and not _sum_to_1(scores, dtype):
        raise InputError(
            f"expected probabilities that sum to 1, as outputs={kind!r} says, received sums from "
            f"{scores.sum(axis=1).min():.3g} to {scores.sum(axis=1).max():.3g}: state outputs='sigmoid'",
            option="outputs",
        )


def _sum_to_1(scores: Scores, dtype: Any) -> bool:
    return np.allclose(scores.sum(axis=1), 1.0, atol=1e-3 + 2 * _EPSILON.get(dtype, 0.0))


def _warn_of_ties(scores: Scores) -> None:
    ties = int(((scores == scores.max(axis=1, keepdims=True)).sum(axis=1) > 1).sum())
    if ties:
        report(
            f"on {ties} of {len(scores)} images several classes have the highest score, as where a sigmoid saturates: "
            "a tie is no success, so attacks may fail on such a network"
        )


def _kind(scores: Scores, dtype: Any) -> str:
    """The apparent kind of scores (N, K) that the network returned in `dtype`."""
    within = bool(((scores >= 0) & (scores <= 1)).all())
    if scores.shape[1] == 1:
        threshold = 0.5 if within else 0
        report(
            f"the network returns one number for each image, taken for "
            f"{'a probability' if within else 'a logit'}: class 1 where it is above {threshold}, else class 0; state "
            "outputs='probabilities' or outputs='logits' to be sure",
            option="outputs",
        )
        return PROBABILITIES if within else LOGITS
    if within and _sum_to_1(scores, dtype):
        return PROBABILITIES
    if within:
        report(
            "the network returns numbers from 0 to 1 that do not sum to 1, taken for a sigmoid for each class: the "
            "largest decides (argmax); state outputs='logits' if they are logits",
            option="outputs",
        )
        return SIGMOID
    return LOGITS


def _reproduces(scores: Scores, dtype: Any, adapted: Adapted, probe: Probe) -> bool:
    """Whether the last activation, applied to its input, gives the output of the network."""
    if adapted.logits is None:
        return False
    activated = adapted.head.activated(evaluate(adapted.logits, probe.batch, probe.positions)).numpy()
    tolerance = _HEAD_TOLERANCE + 4 * _EPSILON.get(dtype, 0.0)
    if activated.shape == scores.shape and largest(activated - scores, probe.rows) <= tolerance:
        return True
    report(
        "the last activation of the network does not give its output when it is applied to the layer in front of it: "
        "the output itself is used, as probabilities"
    )
    return False


def _resolution(logits: Scores, alone: Scores, dtype: Any, own_dtype: Any, adapted: Adapted) -> float:
    finite = logits[np.isfinite(logits).all(axis=1)]
    scale = float(np.abs(finite).max(initial=0.0))
    noise = float(np.abs(alone[:1] - logits[:1]).max(initial=0.0))
    epsilon = max(_EPSILON.get(dtype, 0.0), adapted.epsilon)
    if epsilon == 0.0 and own_dtype not in _EPSILON and noise <= _ROUNDING * max(1.0, scale):
        return 0.0
    return 2 * epsilon * scale + 4 * _EPSILON.get(own_dtype, 0.0) + 2 * noise


def _unit(logits: Scores) -> float:
    """What counts as one logit: between 1 and 10 times the largest that is finite, at most 1."""
    largest = float(np.abs(logits[np.isfinite(logits).all(axis=1)]).max(initial=0.0))
    return min(1.0, 10.0 ** (math.floor(math.log10(largest)) + 1)) if largest > 0.0 else 1.0


def _warn_of_saturation(scores: Scores, kind: str) -> None:
    tiny = np.finfo(np.float32).tiny
    single = scores.shape[1] == 1
    low, high = (scores.min(axis=1) < tiny), (scores.max(axis=1) >= 1.0)
    saturated = int((low | high).sum())
    if saturated:
        report(
            f"the network returns probabilities, and on {saturated} of {len(scores)} images some are 0 or 1 in "
            "float32, where their logarithms lose the margin and the gradient: pass a model that returns "
            + ("a logit" if single or (kind == SIGMOID and single) else "logits")
        )
