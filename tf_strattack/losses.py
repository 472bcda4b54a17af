"""The margin of eq. (3) and the test of success that goes with it."""

from __future__ import annotations

import tensorflow as tf


def margin(logits: tf.Tensor, classes: tf.Tensor, targeted: bool) -> tf.Tensor:
    """Computes how far each example is from fooling the network, in logits; negative once it does.

    Targeted, with target t:    max_{j != t} Z_j - Z_t.
    Untargeted, with label y:   Z_y - max_{j != y} Z_j.

    The attack loss of the paper, eq. (3), is f = max(margin, -confidence).

    Args:
      logits: (N, K) floating point.
      classes: (N,) integers, the targets or (untargeted) the true labels.
      targeted: which of the two rules applies.

    Returns:
      (N,) margins, in the dtype of `logits`.
    """
    chosen = tf.one_hot(classes, tf.shape(logits)[1], on_value=True, off_value=False)
    # Minus infinity rather than a large number: it is below every logit, whatever their scale.
    others = tf.where(chosen, tf.constant(float("-inf"), logits.dtype), logits)
    best_other = tf.reduce_max(others, axis=1)
    own = tf.gather(logits, classes, batch_dims=1)
    return best_other - own if targeted else own - best_other


def soft_margin(logits: tf.Tensor, classes: tf.Tensor, targeted: bool) -> tf.Tensor:
    """The margin with log sum exp for the greatest of the other classes, (N,); arguments as in `margin`.

    Its gradient has the direction of the cross-entropy's: the gradient of the cross-entropy of the target (negated) or
    of the label is (1 - p) times it, with p the probability of the class. It does not underflow if p rounds to 1.
    """
    chosen = tf.one_hot(classes, tf.shape(logits)[1], on_value=True, off_value=False)
    # The last bit of an exponential depends on the place in the batch; in float64 it is lost before it matters.
    exact = tf.cast(logits, tf.float64)
    others = tf.reduce_logsumexp(tf.where(chosen, tf.constant(float("-inf"), tf.float64), exact), axis=1)
    own = tf.gather(exact, classes, batch_dims=1)
    return tf.cast(others - own if targeted else own - others, logits.dtype)


def reaches(margins: tf.Tensor, confidence: tf.Tensor | float) -> tf.Tensor:
    """Whether each example fools the network with the requested confidence (eq. 3), by its margin (N,).

    The target must lie strictly above all other classes (untargeted: another class strictly above the label), as a tie
    may be decided either way, and the margin must be at most -confidence.

    Returns:
      (N,) bool; False where a margin is not a number.
    """
    return (margins < 0) & (margins <= -confidence)
