"""The interface of a transformation, and chains of several."""

from __future__ import annotations

import abc
import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import tensorflow as tf

from tf_strattack.errors import InputError
from tf_strattack.transformations.randomness import split
from tf_strattack.typing import Pixels


@dataclasses.dataclass(frozen=True)
class Transformation(abc.ABC):
    """A random change of images: a frozen dataclass of its numbers. Any callable with the same arguments works, too."""

    @abc.abstractmethod
    def __call__(self, images: Pixels, seeds: tf.Tensor) -> Pixels:
        """Changes each image at random.

        Args:
          images: (N, H, W, C) float32 in [0, 1] scale.
          seeds: (N, 2) int32; the change of a row depends on its seed and its image alone.

        Returns:
          (N, H, W, C) float32, differentiable in the images.
        """


@dataclasses.dataclass(frozen=True)
class Chain(Transformation):
    """One transformation after another, each with seeds of its own.

    Attributes:
      parts: transformations, or callables (images, seeds) -> images.

    Raises:
      InputError: no part, or one that cannot be called.

    Example:
      >>> import numpy as np, tf_strattack as sa
      >>> chain = sa.transformations.Chain([sa.transformations.Shift(2), sa.transformations.Noise(0.1)])
      >>> chain(np.zeros((3, 8, 8, 1), np.float32), np.zeros((3, 2), np.int32)).shape
      TensorShape([3, 8, 8, 1])
    """

    parts: Sequence[Callable[[Pixels, tf.Tensor], Any]]

    def __post_init__(self) -> None:
        """Checks the parts."""
        if not isinstance(self.parts, Sequence) or not self.parts or not all(callable(part) for part in self.parts):
            raise InputError(f"expected a list of transformations, received {self.parts!r}")
        object.__setattr__(self, "parts", tuple(self.parts))

    def __call__(self, images: Pixels, seeds: tf.Tensor) -> Pixels:
        """Applies the parts to `images` (N, H, W, C) in [0, 1] scale, in order; `seeds` (N, 2) int32 are split."""
        for part, own in zip(self.parts, split(seeds, len(self.parts)), strict=True):
            images = part(images, own)
        return images
