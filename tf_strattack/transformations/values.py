"""Changes of values: brightness, noise."""

from __future__ import annotations

import dataclasses

import tensorflow as tf

from tf_strattack.checks import check_number
from tf_strattack.transformations.base import Transformation
from tf_strattack.transformations.randomness import normal, uniform
from tf_strattack.typing import Pixels


@dataclasses.dataclass(frozen=True)
class Brightness(Transformation):
    """The same number added to all values of an image, uniform in [-amount, amount].

    Attributes:
      amount: the largest change, in [0, 1] scale.

    Raises:
      InputError: an amount out of range.
    """

    amount: float = 0.1

    def __post_init__(self) -> None:
        """Checks the number."""
        check_number("amount, in [0, 1] scale,", self.amount, 0.0, 1.0, open_low=True)

    def __call__(self, images: Pixels, seeds: tf.Tensor) -> Pixels:
        """Adds a number to each of the `images` (N, H, W, C) in [0, 1] scale; `seeds` (N, 2) int32 determine it."""
        return images + uniform(seeds, (1, 1, 1), -self.amount, self.amount)


@dataclasses.dataclass(frozen=True)
class Noise(Transformation):
    """Independent normal noise on every value.

    Attributes:
      deviation: the standard deviation, in [0, 1] scale.

    Raises:
      InputError: a deviation out of range.
    """

    deviation: float = 0.05

    def __post_init__(self) -> None:
        """Checks the number."""
        check_number("deviation, in [0, 1] scale,", self.deviation, 0.0, 1.0, open_low=True)

    def __call__(self, images: Pixels, seeds: tf.Tensor) -> Pixels:
        """Adds noise to the `images` (N, H, W, C) in [0, 1] scale; `seeds` (N, 2) int32 determine it."""
        return images + self.deviation * normal(seeds, images.shape[1:])
