"""Names for shapes of arrays and tensors in signatures: N examples of H x W pixels with C channels.

Callers pass and get arrays (NumPy); solvers and goals work on tensors (TensorFlow).
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import numpy.typing as npt
import tensorflow as tf

# Arrays.
Images: TypeAlias = npt.NDArray[np.float32]  # (N, H, W, C)
Classes: TypeAlias = npt.NDArray[np.int32]  # (N,)
Flags: TypeAlias = npt.NDArray[np.bool_]  # (N,)
Places: TypeAlias = npt.NDArray[np.int64]  # (M,), places among the N examples

# Tensors.
Pixels: TypeAlias = tf.Tensor  # (N, H, W, C) float32
Rows: TypeAlias = tf.Tensor  # (N,), one value per example
Logits: TypeAlias = tf.Tensor  # (N, K) float32, K classes
Scalar: TypeAlias = tf.Tensor  # ()
