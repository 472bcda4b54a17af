"""Random changes of an image before the network sees it, over which an `Expectation` is taken.

A transformation is a callable `(images, seeds) -> images`: images (N, H, W, C) float32 in [0, 1] scale, whatever the
classifier's bounds, and seeds (N, 2) int32, the only source of randomness of a row. It keeps the shape, and must be
differentiable. Values outside [0, 1] are clipped before the network sees them. `uniform` and `normal` draw numbers for
each row, and `split` makes further seeds.
"""

from tf_strattack.transformations.base import Chain, Transformation
from tf_strattack.transformations.jpeg import JpegLike
from tf_strattack.transformations.movement import ResizePad, Shift
from tf_strattack.transformations.randomness import normal, split, uniform
from tf_strattack.transformations.values import Brightness, Noise

__all__ = [
    "Brightness",
    "Chain",
    "JpegLike",
    "Noise",
    "ResizePad",
    "Shift",
    "Transformation",
    "normal",
    "split",
    "uniform",
]
