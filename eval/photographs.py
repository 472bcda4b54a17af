"""Photographs of any size as a network's own evaluation shows them to it: resized, then cut out of the middle."""

from __future__ import annotations

import dataclasses
import io
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from tf_strattack import InputError

Pixels = npt.NDArray[Any]

# What evaluations on ImageNet keep of the shorter side.
_CENTRAL = 0.875
AUTO, NONE = "auto", "none"


@dataclasses.dataclass(frozen=True)
class Frame:
    """How images of any size become a network's: the shorter side is resized, and the middle cut out.

    Attributes:
      height, width: of what is cut out, in pixels.
      shorter: the shorter side after resizing, in pixels.
      channels: 1 or 3.
    """

    height: int
    width: int
    shorter: int
    channels: int

    def __call__(self, image: Pixels, source: str) -> Pixels:
        """Resizes (bicubic, antialiased) and crops uint8 pixels (H, W, C); `source` names them in errors."""
        if image.dtype != np.uint8:
            raise InputError(f"expected uint8 pixels to resize in {source}, received {image.dtype}")
        if image.shape[-1] not in (1, 3, 4):
            raise InputError(f"expected 1, 3 or 4 channels to resize in {source}, received {image.shape[-1]}")
        picture = Image.fromarray(image[..., 0] if image.shape[-1] == 1 else image)
        scale = self.shorter / min(picture.size)
        size = round(picture.width * scale), round(picture.height * scale)
        picture = _converted(picture, self.channels).resize(size, Image.Resampling.BICUBIC)
        left, top = (picture.width - self.width) // 2, (picture.height - self.height) // 2
        return _array(picture.crop((left, top, left + self.width, top + self.height)))


def make_frame(resize: str, image_shape: tuple[int | None, ...] | None, *, varied: bool) -> Frame | None:
    """The frame that --resize asks for; None where images stay as they are.

    Args:
      resize: "none"; the shorter side in pixels; or "auto": for data whose images have sizes of their own, such that
        the middle 87.5 % of it are the network's size.
      image_shape: (H, W, C) of the network, None for what is not fixed.
      varied: whether the data's images have sizes of their own.

    Raises:
      InputError: a value that is none of these, or too small for the network.
    """
    if not (resize in (AUTO, NONE) or (resize.isdigit() and int(resize) >= 1)):
        raise InputError(f"expected --resize to be auto, none or a number of pixels, received {resize!r}")
    height, width, channels = (None, None, None) if image_shape is None or len(image_shape) != 3 else image_shape
    fixed = height is not None and width is not None
    if resize == NONE or (resize == AUTO and not (varied and fixed)):
        return None
    # A network that takes any size gets what it is asked for, as a square.
    height, width = (height, width) if height is not None and width is not None else (int(resize), int(resize))
    shorter = round(max(height, width) / _CENTRAL) if resize == AUTO else int(resize)
    if shorter < max(height, width):
        raise InputError(
            f"expected --resize of at least the network's image size {max(height, width)}, received {resize}"
        )
    return Frame(height, width, shorter, 1 if channels == 1 else 3)


def read_image(path: Path, channels: int | None) -> Pixels:
    """Decodes an image file to uint8 pixels (H, W, 1 or 3), in as many `channels` as given, else its own."""
    with Image.open(io.BytesIO(path.read_bytes())) as opened:
        picture: Image.Image = opened
        if picture.mode == "F":
            raise InputError(f"expected pixels of 8 or 16 bits in {path}, received floating point")
        if picture.mode.startswith("I"):  # 16 bits, which Pillow would cut at 255
            picture = Image.fromarray((np.asarray(picture).astype(np.uint32) >> 8).astype(np.uint8))
        grey = picture.mode in ("1", "L", "LA")
        return _array(_converted(picture, channels or (1 if grey else 3)))


def _converted(picture: Image.Image, channels: int) -> Image.Image:
    return picture.convert("L" if channels == 1 else "RGB")


def _array(picture: Image.Image) -> Pixels:
    pixels = np.asarray(picture)
    return pixels[..., None] if pixels.ndim == 2 else pixels
