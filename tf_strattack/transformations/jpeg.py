"""The losses of JPEG without its files: the quantised cosine transform of blocks."""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from tf_strattack.checks import check_number
from tf_strattack.errors import InputError
from tf_strattack.transformations.base import Transformation
from tf_strattack.transformations.randomness import uniform
from tf_strattack.typing import Pixels

_SIDE = 8
# The tables of annex K of the standard (ITU-T T.81), of luminance and chrominance.
_LUMINANCE = """
16 11 10 16 24 40 51 61 12 12 14 19 26 58 60 55 14 13 16 24 40 57 69 56 14 17 22 29 51 87 80 62
18 22 37 56 68 109 103 77 24 35 55 64 81 104 113 92 49 64 78 87 103 121 120 101 72 92 95 98 112 100 103 99
"""
_CHROMINANCE = """
17 18 24 47 99 99 99 99 18 21 26 66 99 99 99 99 24 26 56 99 99 99 99 99 47 66 99 99 99 99 99 99
99 99 99 99 99 99 99 99 99 99 99 99 99 99 99 99 99 99 99 99 99 99 99 99 99 99 99 99 99 99 99 99
"""
# From red, green and blue to luminance and the two chrominances, JFIF.
_COLOURS = np.array([[0.299, 0.587, 0.114], [-0.168736, -0.331264, 0.5], [0.5, -0.418688, -0.081312]])


@dataclasses.dataclass(frozen=True)
class JpegLike(Transformation):
    """The losses of JPEG: blocks of 8 x 8 pixels, their cosine transform rounded to multiples of the standard's tables.

    The quality of each image is uniform in [low, high]. Images of three channels are treated as colours, whose
    chrominance is rounded more coarsely, but in full resolution. Others are rounded channel by channel. The gradient
    treats rounding as the identity.

    Attributes:
      low, high: the qualities, from 1 to 100.

    Raises:
      InputError: qualities out of range, or a low above the high.
    """

    low: float = 60.0
    high: float = 95.0

    def __post_init__(self) -> None:
        """Checks the numbers."""
        for name in ("low", "high"):
            check_number(name, getattr(self, name), 1.0, 100.0)
        if self.low > self.high:
            raise InputError(f"expected low of at most high, received low={self.low} and high={self.high}")

    def __call__(self, images: Pixels, seeds: tf.Tensor) -> Pixels:
        """Applies the losses of JPEG to `images` (N, H, W, C) in [0, 1] scale; `seeds` (N, 2) int32 determine them."""
        quality = uniform(seeds, (), self.low, self.high)
        # The scale of the tables in the library of the Independent JPEG Group, in hundredths.
        scale = tf.where(quality < 50.0, 5000.0 / quality, 200.0 - 2.0 * quality) / 100.0
        height, width, channels = images.shape[1:]
        coloured = channels == 3
        values = 255.0 * images - 128.0
        if coloured:
            values = tf.einsum("nhwc,kc->nhwk", 255.0 * images, _constant(_COLOURS)) - _constant([128.0, 0.0, 0.0])
        padding = [[0, 0], [0, -height % _SIDE], [0, -width % _SIDE], [0, 0]]
        # The last row and column repeated, as far as there is room for a mirror image.
        while any(sum(side) for side in padding):
            now = [[0, min(side[1], size)] for side, size in zip(padding, values.shape, strict=True)]
            now[0], now[3] = [0, 0], [0, 0]
            values = tf.pad(values, now, "SYMMETRIC")
            padding = [[0, side[1] - done[1]] for side, done in zip(padding, now, strict=True)]
        tables = [_LUMINANCE] + ([_CHROMINANCE] * 2 if coloured else [_LUMINANCE] * (channels - 1))
        steps = np.stack([np.array(table.split(), np.float64).reshape(_SIDE, _SIDE) for table in tables], axis=2)
        values = _quantised(values, _constant(steps), scale)[:, :height, :width]
        if coloured:
            values = tf.einsum(
                "nhwc,kc->nhwk", values + _constant([128.0, 0.0, 0.0]), _constant(np.linalg.inv(_COLOURS))
            )
            return values / 255.0
        return (values + 128.0) / 255.0


def _quantised(values: Pixels, steps: tf.Tensor, scale: tf.Tensor) -> Pixels:
    """Values (N, H, W, C), sides multiples of 8, with coefficients rounded to `steps` (8, 8, C) times `scale` (N,)."""
    height, width, channels = values.shape[1:]
    blocks = tf.reshape(values, [-1, height // _SIDE, _SIDE, width // _SIDE, _SIDE, channels])
    cosines = _constant(_cosines())
    steps = tf.clip_by_value(tf.round(scale[:, None, None, None] * steps), 1.0, 255.0)[:, None, :, None]
    coefficients = tf.einsum("ui,nbicjk,vj->nbucvk", cosines, blocks, cosines) / steps
    rounded = coefficients + tf.stop_gradient(tf.round(coefficients) - coefficients)
    blocks = tf.einsum("ui,nbucvk,vj->nbicjk", cosines, rounded * steps, cosines)
    return tf.reshape(blocks, [-1, height, width, channels])


def _cosines() -> npt.NDArray[np.float64]:
    """The orthonormal cosine transform of 8 values, a frequency in each row."""
    frequency, place = np.mgrid[:_SIDE, :_SIDE]
    waves = np.cos((2 * place + 1) * frequency * np.pi / (2 * _SIDE)) * np.sqrt(2 / _SIDE)
    waves[0] /= np.sqrt(2)
    return waves


def _constant(values: npt.ArrayLike) -> tf.Tensor:
    return tf.constant(values, tf.float32)
