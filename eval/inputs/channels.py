"""Conversion of pictures to the number of channels that a network takes: grey, colour, or colour with transparency."""

from __future__ import annotations

import numpy as np
from PIL import Image

from tf_strattack import InputError
from tf_strattack.programs.notices import notice

from .pixels import Pixels

_GREY = ("1", "L", "LA", "La")
_WITH_ALPHA = ("LA", "La", "PA", "RGBA", "RGBa")
# Colour spaces that can only be converted approximately.
_CONVERTED = ("CMYK", "YCbCr", "LAB", "HSV")


def with_channels(picture: Image.Image, channels: int | None, source: object) -> Image.Image:
    """The 8-bit picture as L (1 channel), RGB (3) or RGBA (4); L or RGB for any other number of channels.

    With 4 channels, opaque pictures get an opaque fourth channel. Otherwise transparent pixels are composited over
    black.

    Raises:
      InputError: a colour space that Pillow does not convert; `source` names the picture.
    """
    try:
        plain = _plain(picture)
    except ValueError:
        raise InputError(
            f"expected grey, RGB or CMYK colours in {source}, received {picture.mode}: save it as an RGB PNG file"
        ) from None
    transparent = plain.mode in ("LA", "RGBA")
    if channels == 4:
        if not transparent:
            notice("images without transparency get an opaque fourth channel, as the network takes four channels")
        return plain.convert("RGBA")
    if transparent:
        plain = _over_black(plain)
    mode = {1: "L", 3: "RGB"}.get(channels or 0, plain.mode)
    if mode != plain.mode:
        notice(
            "colour images are converted to grey, as the network takes one channel"
            if mode == "L"
            else "grey images are repeated in three channels, as the network takes three channels"
        )
    return plain.convert(mode)


def to_array(picture: Image.Image) -> Pixels:
    """The pixels (H, W, C) of a picture."""
    pixels = np.asarray(picture)
    return pixels[..., None] if pixels.ndim == 2 else pixels


def _plain(picture: Image.Image) -> Image.Image:
    """The picture as L, LA, RGB or RGBA."""
    if picture.mode in _CONVERTED:
        notice(f"{picture.mode} images are converted to RGB, without their colour profiles")
    if picture.mode in ("La", "RGBa"):  # premultiplied alpha, which Pillow converts only to the same mode without it
        return picture.convert(picture.mode.upper())
    grey = picture.mode in _GREY
    # A single colour or entries of a palette may be declared transparent.
    if picture.mode in _WITH_ALPHA or picture.has_transparency_data:
        return picture.convert("LA" if grey else "RGBA")
    return picture.convert("L" if grey else "RGB")


def _over_black(picture: Image.Image) -> Image.Image:
    alpha = picture.getchannel("A")
    opaque = picture.convert("L" if picture.mode == "LA" else "RGB")
    if np.asarray(alpha).min() == 255:
        return opaque
    notice("transparent images are composited over black")
    black = Image.new(opaque.mode, opaque.size)
    black.paste(opaque, mask=alpha)
    return black
