"""The moments of Adam (Kingma and Ba 2015, arXiv 1412.6980), with its usual constants."""

from __future__ import annotations

import tensorflow as tf

from tf_strattack.typing import Pixels

# The constants of Adam in TensorFlow, which the programs of C&W and sigma-zero use.
BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8


def moments(mean: Pixels, square: Pixels, gradient: Pixels) -> tuple[Pixels, Pixels]:
    """The moving averages (N, H, W, C) of the gradient and of its square, after one more gradient."""
    return BETA1 * mean + (1.0 - BETA1) * gradient, BETA2 * square + (1.0 - BETA2) * tf.square(gradient)
