"""Image files as uint8 arrays: upright, with the number of channels that a network takes."""

from __future__ import annotations

import io
import warnings
from pathlib import Path

import numpy as np
from PIL import ExifTags, Image, UnidentifiedImageError

from tf_strattack import InputError
from tf_strattack.programs.notices import notice

from .channels import to_array, with_channels
from .pixels import Pixels

# Formats whose 16-bit pixels Pillow opens as 32-bit integers, scaled to 16 bits.
_SIXTEEN_BITS_IN_32 = ("PNG", "PPM")
_TIFF_BITS, _TIFF_PHOTOMETRIC = 258, 262
# As in ImageOps.exif_transpose, which fails if other EXIF entries are damaged.
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


def read_image(path: Path, channels: int | None) -> Pixels:
    """Decodes an image file to uint8 pixels (H, W, 1, 3 or 4) with `channels` channels; None for grey or colour.

    The picture is rotated by its EXIF orientation and reduced from 16 to 8 bits. Transparency is kept for 4 channels
    and composited over black otherwise. Only the first of several pictures is read. Each conversion is reported once.

    Raises:
      InputError: not an image file, floating-point or 32-bit pixels, or a colour space that Pillow does not convert.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow warns about damaged metadata
        with _opened(path) as opened:
            lost = _lost_bits(opened, path)
            inverted = bool(lost) and _is_white_zero(opened)
            if getattr(opened, "is_animated", False):
                notice("only the first picture is read from image files with several pictures")
            picture = _upright(opened)
            if lost:
                picture = _in_eight_bits(picture, lost, inverted=inverted)
            return to_array(with_channels(picture, channels, path))


def _opened(path: Path) -> Image.Image:
    if not path.is_file():  # reading a pipe would wait
        raise InputError(f"expected an image file, received {path}, which is not a file")
    try:
        return Image.open(io.BytesIO(path.read_bytes()))
    except UnidentifiedImageError:  # its message names an object in memory instead of the file
        raise InputError(f"expected an image file, received {path}, which Pillow cannot read") from None


def _upright(opened: Image.Image) -> Image.Image:
    by_pillow = _tiff(opened, ExifTags.Base.Orientation) in _TURNS
    opened.load()
    try:
        orientation = opened.getexif().get(ExifTags.Base.Orientation)
    except Exception:  # damaged EXIF data raises various exceptions; the pixels are intact
        orientation = None
    turn = _TURNS.get(orientation or 0)
    if by_pillow or turn is not None:
        notice("photographs are rotated upright by their EXIF orientation")
    return opened if turn is None else opened.transpose(turn)


def _tiff(opened: Image.Image, tag: int) -> object:
    return getattr(opened, "tag_v2", {}).get(tag)


def _lost_bits(opened: Image.Image, path: Path) -> int:
    """How many lower bits of a grey pixel are dropped; 0 for pictures that Pillow itself opens with 8 bits."""
    if opened.mode == "F" or (opened.mode == "I" and opened.format not in _SIXTEEN_BITS_IN_32):
        kind = "floating point" if opened.mode == "F" else "signed or 32-bit integers"
        raise InputError(f"expected pixels of 8 or 16 bits in {path}, received {kind}: save them as uint8, 0 to 255")
    if opened.format in ("PNG", "TIFF") and any(";16" in str(tile[3]) for tile in getattr(opened, "tile", ())):
        notice("pixels of 16 bits are reduced to 8 bits")
    if not opened.mode.startswith("I"):
        return 0
    notice("pixels of 16 bits are reduced to 8 bits")
    # Pillow widens 12 bits without scaling them.
    return 4 if _tiff(opened, _TIFF_BITS) == (12,) else 8


def _is_white_zero(opened: Image.Image) -> bool:
    # Pillow inverts such TIFF files with 8 bits, but not with 16.
    return _tiff(opened, _TIFF_PHOTOMETRIC) == 0


def _in_eight_bits(picture: Image.Image, lost: int, *, inverted: bool) -> Image.Image:
    deep = np.asarray(picture).astype(np.uint32)
    pixels = (deep >> lost).astype(np.uint8)
    reduced = Image.fromarray(255 - pixels if inverted else pixels)
    transparent = picture.info.get("transparency")  # the transparent grey level of a PNG file
    if isinstance(transparent, int):
        reduced.putalpha(Image.fromarray(np.where(deep == transparent, 0, 255).astype(np.uint8)))
    return reduced
