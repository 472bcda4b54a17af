"""The look at a network before the first attack: guard rails as in AutoAttack (arXiv 2003.01690)."""

from __future__ import annotations

import functools
import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import tensorflow as tf

from tf_strattack.checks import Images
from tf_strattack.errors import InputError
from tf_strattack.losses import margin

Scores = Callable[[tf.Tensor], tf.Tensor]


def inspect(scores_of: Scores, outputs: str | None, images: Images, rows: int) -> tuple[int, str]:
    """Looks at a network on some images; returns its number of classes and its kind of output.

    Args:
      scores_of: the network, from images (N, H, W, C) to class scores.
      outputs: "logits" or "probabilities" if the caller knows, None to find out.
      images: valid images (N, H, W, C).
      rows: how many of them are the caller's; the others fill up the batch.

    Raises:
      InputError: output that is not (N, classes) or not finite, changes from call to call, or through
        which no gradient flows to the image.

    Warns:
      UserWarning: probabilities so close to 0 or 1 that their logarithms have lost the margin.
    """
    batch = tf.constant(images)
    scores = _scores(scores_of, batch)
    if scores.ndim != 2 or len(scores) != len(images) or scores.shape[1] < 2:
        raise InputError(
            f"expected an output of shape (N, classes) = ({len(images)}, 2 or more), "
            f"received {scores.shape}: select another output, or add preprocessing="
        )
    if not np.isfinite(scores).all():
        raise InputError("expected finite logits, received NaN or infinity from the network")
    change = np.abs(scores - _scores(scores_of, batch)).max()
    if change > 1e-3 * np.abs(scores).max():
        raise InputError(
            f"expected the same output from call to call, received a change of {change:.3g}: "
            "switch dropout and other randomness off"
        )
    outputs = outputs or ("probabilities" if _is_distribution(scores) else "logits")
    if outputs == "probabilities":
        _warn_of_saturation(scores[:rows])
    _check_gradient(scores_of, batch, scores)
    return scores.shape[1], outputs


def _scores(scores_of: Scores, batch: tf.Tensor) -> np.ndarray[Any, Any]:
    try:
        return scores_of(batch).numpy()
    except (ValueError, TypeError, tf.errors.InvalidArgumentError) as error:
        if isinstance(error, InputError):
            raise
        reason = str(error).strip().splitlines()[0]
        raise InputError(
            f"expected a network that takes images of shape {tuple(batch.shape)}, received: {reason}"
        ) from error


def _is_distribution(scores: np.ndarray[Any, Any]) -> bool:
    return bool((scores >= 0).all() and np.allclose(scores.sum(axis=1), 1.0, atol=1e-3))


def _warn_of_saturation(scores: np.ndarray[Any, Any]) -> None:
    saturated = int(((scores.min(axis=1) < np.finfo(np.float32).tiny) | (scores.max(axis=1) >= 1.0)).sum())
    if saturated:
        warnings.warn(
            f"the network returns probabilities, and on {saturated} of {len(scores)} images some are 0 or 1 in "
            "float32, where their logarithms lose the margin and the gradient: pass a model that returns logits",
            UserWarning,
            stacklevel=4,
        )


def _check_gradient(scores_of: Scores, batch: tf.Tensor, scores: np.ndarray[Any, Any]) -> None:
    classes = tf.constant(scores.argmax(axis=1), tf.int32)

    def gradient(images: tf.Tensor) -> tf.Tensor | None:
        with tf.GradientTape() as tape:
            tape.watch(images)
            margins = margin(scores_of(images), classes, targeted=False)
        return tape.gradient(margins, images)

    remedy = "inference-only exports, TFLite conversions and integer operations cut it; pass the trained model"
    try:
        # A partial, as in `Classifier.program`: its tracings are not counted together with other networks'.
        result = tf.function(functools.partial(gradient), autograph=False)(batch)
    except (LookupError, tf.errors.UnimplementedError) as error:
        reason = str(error).strip().splitlines()[0]
        raise InputError(f"expected a gradient from the output to the image, received: {reason}; {remedy}") from error
    if result is None:
        raise InputError(f"expected a gradient from the output to the image, received none: {remedy}")
    if not np.isfinite(result.numpy()).all():
        raise InputError("expected a finite gradient from the output to the image, received NaN or infinity")
    if not np.any(result.numpy()):
        raise InputError(f"expected a gradient from the output to the image, received 0 in every pixel: {remedy}")
