"""Photographs of any size, prepared as in a network's own evaluation: resized, then cropped at the centre."""

from __future__ import annotations

import dataclasses

import numpy as np
from PIL import Image

from tf_strattack import InputError
from tf_strattack.programs.notices import notice
from tf_strattack.programs.numbers import whole_number

from .channels import to_array, with_channels
from .pixels import Pixels

# The share of the shorter side that evaluations on ImageNet keep.
_CENTRAL = 0.875
AUTO, NONE = "auto", "none"
# Larger images would take gigabytes of memory.
_LARGEST_SIDE, _MOST_PIXELS = 10_000, 400_000_000


@dataclasses.dataclass(frozen=True)
class Frame:
    """Resizes images of any size to a network's size: scales the shorter side, then crops the centre.

    Attributes:
      height, width: size of the crop, in pixels.
      shorter: the shorter side after resizing, in pixels.
      channels: 1, 3 or 4.
      keeps: whether images that have the network's size already are left as they are.
    """

    height: int
    width: int
    shorter: int
    channels: int
    keeps: bool = False

    def __call__(self, image: Pixels, source: str) -> Pixels:
        """Resizes (bicubic, antialiased) and crops uint8 pixels (H, W, C); `source` names them in errors."""
        if image.dtype != np.uint8:
            raise InputError(
                f"expected uint8 pixels to resize in {source}, received {image.dtype}: "
                "store uint8, or add --resize=none"
            )
        if image.shape[-1] not in (1, 3, 4):
            raise InputError(
                f"expected 1, 3 or 4 channels to resize in {source}, received {image.shape[-1]}: "
                "store images with the channels last, or add --resize=none"
            )
        picture = Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image)
        if self.keeps and picture.size == (self.width, self.height):
            return to_array(with_channels(picture, self.channels, source))
        notice(
            f"images are resized to {self.shorter} pixels on the shorter side and cropped to the central "
            f"{self.height} x {self.width}"
        )
        scale = self.shorter / min(picture.size)
        size = round(picture.width * scale), round(picture.height * scale)
        if size[0] * size[1] > _MOST_PIXELS:
            raise InputError(
                f"expected at most {_MOST_PIXELS} pixels after resizing, received {size[0]} x {size[1]} in {source}: "
                "choose a smaller --resize, or crop the image"
            )
        picture = with_channels(picture, self.channels, source).resize(size, Image.Resampling.BICUBIC)
        left, top = (picture.width - self.width) // 2, (picture.height - self.height) // 2
        return to_array(picture.crop((left, top, left + self.width, top + self.height)))


def make_frame(resize: str, image_shape: tuple[int | None, ...] | None, *, varied: bool) -> Frame | None:
    """The frame that --resize describes; None if images are left as they are.

    Args:
      resize: "none"; the shorter side in pixels; or "auto": data with images of different sizes are resized so that
        the network's size is 87.5 % of the shorter side, and images that have the network's size are left as they are.
      image_shape: (H, W, C) of the network; None for each size that is not fixed.
      varied: whether the images may differ in size.

    Raises:
      InputError: another value, or a size below the network's.
    """
    side = whole_number(resize)
    if resize not in (AUTO, NONE) and not side:
        raise InputError(f"expected --resize to be auto, none or a number of pixels, received {resize!r}")
    if side is not None and side > _LARGEST_SIDE:
        raise InputError(f"expected --resize of at most {_LARGEST_SIDE} pixels, received {resize}")
    height, width, channels = (None, None, None) if image_shape is None or len(image_shape) != 3 else image_shape
    if height is None or width is None:
        if side is None:
            return None
        height = width = side  # a network that takes any size gets squares of the requested size
    elif resize == NONE or (resize == AUTO and not varied):
        return None
    shorter = round(max(height, width) / _CENTRAL) if side is None else side
    if shorter < max(height, width):
        raise InputError(
            f"expected --resize of at least the network's image size {max(height, width)}, received {resize}"
        )
    return Frame(height, width, shorter, channels if channels in (1, 4) else 3, keeps=resize == AUTO)
