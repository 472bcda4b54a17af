"""Pictures in as many channels as a network takes: grey, colour, or colour with transparency."""

from __future__ import annotations

import numpy as np
from PIL import Image

from tf_strattack import InputError
from tf_strattack.programs.notices import notice

from .pixels import Pixels

_GREY = ("1", "L", "LA", "La")
_WITH_ALPHA = ("LA", "La", "PA", "RGBA", "RGBa")
# Of another colour space: what becomes of these is an approximation.
_CONVERTED = ("CMYK", "YCbCr", "LAB", "HSV")


def with_channels(picture: Image.Image, channels: int | None, source: object) -> Image.Image:
    """The picture, of 8 bits, as L (1 channel), RGB (3) or RGBA (4); of any other number, L or RGB as it is.

    Transparent pixels are composited over black unless there are 4 channels; opaque pictures then get an opaque one.

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
            notice("images without transparency get a fourth channel, opaque, as the network takes four")
        return plain.convert("RGBA")
    if transparent:
        plain = _over_black(plain)
    mode = {1: "L", 3: "RGB"}.get(channels or 0, plain.mode)
    if mode != plain.mode:
        notice(
            "colour images are converted to grey, as the network takes one channel"
            if mode == "L"
            else "grey images are repeated in three channels, as the network takes them"
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
    if picture.mode in ("La", "RGBa"):  # with colours multiplied by transparency: Pillow converts to their like alone
        return picture.convert(picture.mode.upper())
    grey = picture.mode in _GREY
    # A colour, or entries of a palette, may be declared transparent.
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
