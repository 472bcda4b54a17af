"""The output of a network: which of several outputs has the class scores, and what the scores mean."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import tensorflow as tf

from tf_strattack.errors import InputError

LOGITS, PROBABILITIES, SIGMOID = "logits", "probabilities", "sigmoid"
# "sigmoid" means independent probabilities, which need not sum to 1.
KINDS = (LOGITS, PROBABILITIES, SIGMOID)


def select_output(outputs: Any, which: str | int | None, names: Sequence[str] = ()) -> Any:
    """Finds the class scores in the output of a network.

    Args:
      outputs: a tensor, a dictionary, a list, or an object with attributes such as `.logits`.
      which: the name of the output, or its place in a list; None for the only one, or the one named logits.
      names: the names of the outputs in a list, if known.

    Raises:
      InputError: several outputs and no choice, or a choice that does not exist.
    """
    fields = getattr(type(outputs), "_fields", None)
    if isinstance(outputs, tuple) and fields is not None:
        outputs = dict(zip(fields, outputs, strict=True))
    if isinstance(outputs, Mapping):
        entries = {name: outputs[name] for name in sorted(outputs, key=str)}
    elif isinstance(outputs, list | tuple):
        known = list(names) if len(set(names)) == len(outputs) else []
        entries = dict(zip(known, outputs, strict=True)) if known else dict(enumerate(outputs))
        if isinstance(which, int) and not isinstance(which, bool) and -len(outputs) <= which < len(outputs):
            return outputs[which]
    elif which is None:
        return outputs.logits if hasattr(outputs, "logits") else outputs
    elif isinstance(which, str) and hasattr(outputs, which):
        return getattr(outputs, which)
    else:
        entries = dict.fromkeys([*(names if len(names) == 1 else []), 0], outputs)
    if which is None:
        if len(entries) == 1:
            return next(iter(entries.values()))
        which = LOGITS if LOGITS in entries else None
    if which in entries:
        return entries[which]
    received = list(entries)
    if which is None:
        raise InputError(
            f"expected one output of class scores, received {received}: name one with output=",
            option="output",
        )
    raise InputError(f"expected output= to be one of {received}, received {which!r}", option="output")


def check_output(output: Any) -> str | int | None:
    """Returns a name or a place of an output, and refuses anything else."""
    if output is None or (isinstance(output, str | int) and not isinstance(output, bool)):
        return output
    raise InputError(f"expected output= as the name or the place of an output, received {output!r}", option="output")


def decisive(scores: Any, kind: str) -> Any:
    """The scores (N, K) of all classes, the largest of which decides, from the output (N, K) or (N, 1) of a network.

    One score means two classes: a logit z becomes (-z, z), a probability p becomes (1 - p, p).
    """
    if scores.shape[1] != 1:
        return scores
    return tf.concat([-scores if kind == LOGITS else 1.0 - scores, scores], axis=1)


def as_logits(scores: tf.Tensor, kind: str) -> tf.Tensor:
    """Logits (N, K) with the margins of the network's own, from its scores (N, K) or (N, 1) of one of `KINDS`.

    Probabilities that sum to 1 become their logarithms, others (sigmoid) their log-odds.
    """
    tiny = np.finfo(np.float32).tiny
    if kind == PROBABILITIES and scores.shape[1] != 1:
        return tf.math.log(tf.maximum(scores, tiny))
    if kind != LOGITS:
        scores = tf.math.log(tf.maximum(scores, tiny)) - tf.math.log(tf.maximum(1.0 - scores, tiny))
    return tf.concat([-scores, scores], axis=1) if scores.shape[1] == 1 else scores
