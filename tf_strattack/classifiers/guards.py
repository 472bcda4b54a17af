"""Guard rails: the requirements on a network, each with a line that names the fault and a remedy."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np
import tensorflow as tf

from tf_strattack.classifiers.adapted import Adapted, Network
from tf_strattack.classifiers.backend import hint_at_backend
from tf_strattack.classifiers.outputs import as_logits
from tf_strattack.classifiers.probe import Probe
from tf_strattack.errors import InputError
from tf_strattack.losses import margin
from tf_strattack.runtime.causes import cause_of, out_of_memory

Scores = np.ndarray[Any, Any]

# Relative to the largest score: changes that rounding cannot explain, in float32 and in half precision, where a single
# row is computed by another kernel.
_CHANGE, _COARSE_CHANGE = 1e-3, 5e-2
# How many images show whether a network is random.
_DRAWS = 8
# The largest difference between two computations of the same scores in float32, relative to the largest score.
_ROUNDING = 1e-4
_CUT = (
    "inference-only exports, TFLite conversions, integer operations, NumPy and model.predict cut it; pass the trained "
    "model, or a function of TensorFlow operations"
)


def evaluate(network: Network, batch: tf.Tensor, positions: tf.Tensor) -> tf.Tensor:
    """The output of a network for a batch; any exception becomes one line."""
    try:
        return network(batch, positions)
    except InputError:
        raise
    except Exception as error:  # a user's network can raise anything
        if out_of_memory(error):
            raise
        raise InputError(
            f"expected a network that takes images of shape {tuple(batch.shape)}, received: "
            f"{cause_of(error)}{hint_at_backend()}"
        ) from error


def float32(values: tf.Tensor) -> Scores:
    """A tensor as an array of float32."""
    return np.asarray(tf.cast(values, tf.float32))


def check_scores(raw: tf.Tensor, batch: int, rows: int) -> Scores:
    """The scores as float32 (N, K), after checks of shape, type and values."""
    if not (raw.dtype.is_floating):
        raise InputError(
            f"expected class scores in floating point, received {raw.dtype.name}: return a score for each class"
        )
    scores = float32(raw)
    if scores.ndim != 2 or len(scores) != batch or scores.shape[1] < 1:
        raise InputError(
            f"expected an output of shape (N, classes) = ({batch}, 1 or more), received {scores.shape}: select another "
            "output by output=, or pass a function that returns (N, classes) to Classifier.from_callable",
            option="output",
        )
    if not np.isfinite(scores[:rows]).all():
        raise InputError("expected finite logits, received NaN or infinity from the network")
    return scores


def check_repeatable(scores: Scores, own: Network, probe: Probe, times: int = _DRAWS) -> None:
    """Refuses a network that returns other `scores` (N, K) when it is called again, for `times` images in all.

    A random flip leaves half of the images as they are, so that all rows count, noise too.
    """
    finite = np.isfinite(scores).all(axis=1)
    for _ in range(-(-times // len(scores))):
        again = float32(evaluate(own, probe.batch, probe.positions))
        change = largest(again[finite] - scores[finite], len(scores))
        if not change <= _CHANGE * largest(scores[finite], len(scores)):
            raise InputError(
                f"expected the same output from call to call, received a change of {change:.3g}: switch dropout and "
                "other randomness off (Keras's export keeps layers such as RandomFlip active: export the network "
                "without them), or, in Python, load it with stochastic=True and attack sa.Expectation(classifier)"
            )


def check_rows(scores: Scores, own: Network, probe: Probe) -> Scores:
    """Refuses a network in which a row depends on the others; returns the scores of the first row alone, (1, K)."""
    others = float32(evaluate(own, probe.others, 0 * probe.positions))
    changes = [_relative(others[:1] - scores[:1], scores[:1], _CHANGE)]
    first = scores[:1]
    for row in range(probe.rows):
        alone = float32(evaluate(own, probe.batch[row : row + 1], probe.positions[row : row + 1]))
        if alone.shape[1:] != scores.shape[1:]:
            raise InputError(f"expected (1, {scores.shape[1]}) scores of a single image, received {alone.shape}")
        changes.append(_relative(alone - scores[row : row + 1], scores[row : row + 1], _COARSE_CHANGE))
        first = alone if row == 0 else first
    if not max(changes):
        return first
    check_repeatable(scores, own, probe, times=4 * _DRAWS)
    raise InputError(
        f"expected each row of the output to depend on its own image alone, received a change of {max(changes):.3g} "
        "with the other images of the batch: put batch normalization in inference mode (training=False), and take a "
        "softmax over the classes (axis=-1)"
    )


def _relative(change: Scores, scores: Scores, tolerance: float) -> float:
    """The change, or 0 if rounding explains it."""
    size = largest(change, len(change))
    return size if size > tolerance * largest(scores, len(scores)) else 0.0


def check_predict(scores: Scores, adapted: Adapted, probe: Probe) -> None:
    """Refuses a `predict` of the model's own that does more than the attacked function."""
    if adapted.predict is None:
        return
    remedy = "attack what it does by Classifier.from_callable(lambda x: model(x, training=False), preprocessing=...)"
    try:
        predicted = np.asarray(adapted.predict(probe.batch, probe.positions))
    except Exception as error:  # a user's predict can raise anything
        if out_of_memory(error):
            raise
        raise InputError(f"expected a predict of images (N, H, W, C), received: {cause_of(error)}; {remedy}") from error
    finite = np.isfinite(scores).all(axis=1)
    tolerance = _ROUNDING if adapted.epsilon == 0 else _COARSE_CHANGE
    if predicted.shape != scores.shape or _relative(predicted[finite] - scores[finite], scores[finite], tolerance):
        raise InputError(
            "expected a predict that returns what the network computes, received one of "
            f"{type(adapted.model).__name__} that does more: {remedy}"
        )


def check_also(scores: Scores, adapted: Adapted, probe: Probe) -> None:
    """Refuses a SavedModel whose object and signature are different functions, unless one is chosen."""
    if adapted.also is None:
        return
    name, function = adapted.also
    try:
        other = float32(function(probe.batch[: probe.rows], probe.positions[: probe.rows]))
    except Exception:  # it may not be a function of images at all
        return
    expected = scores[: probe.rows]
    if other.shape == expected.shape and _relative(other - expected, expected, _COARSE_CHANGE):
        raise InputError(
            f"expected {name} and the signature of the SavedModel to return the same, received others: choose one by "
            "signature='serving_default' or signature='__call__'",
            option="signature",
        )


def check_gradient(network: Network, kind: str, adapted: Adapted, probe: Probe) -> None:
    """Refuses a network that cannot be compiled, or has no finite gradient of its margins; `kind` is its output's."""

    def gradient(images: tf.Tensor, positions: tf.Tensor) -> tf.Tensor | None:
        with tf.GradientTape() as tape:
            tape.watch(images)
            logits = as_logits(tf.cast(network(images, positions), tf.float32), kind)
            classes = tf.stop_gradient(tf.argmax(logits, axis=1, output_type=tf.int32))
            margins = margin(logits, classes, targeted=False)
        return tape.gradient(margins, images)

    # A partial, as in `Programs.program`, so that TensorFlow does not count its tracings as retracings of another one.
    compiled = tf.function(functools.partial(gradient), autograph=False)
    remedy = adapted.cut or _CUT
    if adapted.inside is not None:
        remedy = (
            f"the model's own {adapted.inside}, which its predict applies, cuts it: give what it does as "
            "preprocessing=, by Classifier.from_callable(lambda x: model(x, training=False), preprocessing=...)"
        )
    try:
        result = compiled(probe.batch, probe.positions)
        if result is not None and not np.any(np.asarray(result)):
            result = compiled(probe.others, 0 * probe.positions)  # black images, say, may have none
    except (LookupError, tf.errors.UnimplementedError) as error:
        raise InputError(
            f"expected a gradient from the output to the image, received: {cause_of(error)}; {remedy}"
        ) from error
    except Exception as error:  # a user's network can raise anything
        if out_of_memory(error):
            raise
        raise InputError(
            f"expected a network of TensorFlow operations, which can be compiled, received: {cause_of(error)}; use "
            "model(images, training=False) in place of model.predict, and tf in place of numpy"
        ) from error
    if result is None:
        raise InputError(f"expected a gradient from the output to the image, received none: {remedy}")
    if not np.isfinite(np.asarray(result)[: probe.rows]).all():
        raise InputError(
            "expected a finite gradient from the output to the image, received NaN or infinity: a square root, a "
            "logarithm or a quotient has none at 0, so add a small number there, as in sqrt(x + 1e-6)"
        )
    if not np.any(np.asarray(result)):
        raise InputError(
            "expected a gradient from the output to the image, received 0 in every pixel: are the bounds the scale of "
            f"the network's input? If they are, {remedy}"
        )


def largest(values: Scores, rows: int) -> float:
    """The largest absolute value in the first `rows` rows."""
    return float(np.abs(values[:rows]).max(initial=0.0))
