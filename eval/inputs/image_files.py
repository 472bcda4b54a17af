"""Image files as arrays of bytes: upright, of 8 bits, in as many channels as a network takes."""

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

# What Pillow opens as 32-bit integers though it has 16 bits, scaled to all of them.
_SIXTEEN_BITS_IN_32 = ("PNG", "PPM")
_TIFF_BITS, _TIFF_PHOTOMETRIC = 258, 262
# As in ImageOps.exif_transpose, which fails where other entries are damaged.
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
    """Decodes an image file to uint8 pixels (H, W, 1, 3 or 4), in as many `channels` as given, else grey or colour.

    The picture is turned as its EXIF orientation says, 16 bits are reduced to 8, transparency is kept for 4 channels
    and composited over black for others; of several pictures, the first is read. Each is reported once.

    Raises:
      InputError: no image file, pixels of floating point or 32 bits, or a colour space that Pillow does not convert.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Pillow's, of damaged metadata
        with _opened(path) as opened:
            lost = _lost_bits(opened, path)
            inverted = bool(lost) and _is_white_zero(opened)
            if getattr(opened, "is_animated", False):
                notice("of image files with several pictures, only the first is read")
            picture = _upright(opened)
            if lost:
                picture = _in_eight_bits(picture, lost, inverted=inverted)
            return to_array(with_channels(picture, channels, path))


def _opened(path: Path) -> Image.Image:
    if not path.is_file():  # a pipe would be waited for
        raise InputError(f"expected an image file, received {path}, which is no file")
    try:
        return Image.open(io.BytesIO(path.read_bytes()))
    except UnidentifiedImageError:  # whose own text names an object in memory
        raise InputError(f"expected an image file, received {path}, which is none that Pillow reads") from None


def _upright(opened: Image.Image) -> Image.Image:
    by_pillow = _tiff(opened, ExifTags.Base.Orientation) in _TURNS
    opened.load()
    try:
        orientation = opened.getexif().get(ExifTags.Base.Orientation)
    except Exception:  # each kind of damage has its own; the pixels are whole
        orientation = None
    turn = _TURNS.get(orientation or 0)
    if by_pillow or turn is not None:
        notice("photographs are turned upright, as their EXIF orientation says")
    return opened if turn is None else opened.transpose(turn)


def _tiff(opened: Image.Image, tag: int) -> object:
    return getattr(opened, "tag_v2", {}).get(tag)


def _lost_bits(opened: Image.Image, path: Path) -> int:
    """How many of a grey pixel's lower bits are left out; 0 for pictures that Pillow itself opens in 8 bits."""
    if opened.mode == "F" or (opened.mode == "I" and opened.format not in _SIXTEEN_BITS_IN_32):
        kind = "floating point" if opened.mode == "F" else "integers with a sign, or of 32 bits"
        raise InputError(f"expected pixels of 8 or 16 bits in {path}, received {kind}: save them as uint8, 0 to 255")
    if opened.format in ("PNG", "TIFF") and any(";16" in str(tile[3]) for tile in getattr(opened, "tile", ())):
        notice("pixels of 16 bits are reduced to 8 bits")
    if not opened.mode.startswith("I"):
        return 0
    notice("pixels of 16 bits are reduced to 8 bits")
    # Pillow widens 12 bits without scaling them.
    return 4 if _tiff(opened, _TIFF_BITS) == (12,) else 8


def _is_white_zero(opened: Image.Image) -> bool:
    # Pillow turns such TIFF files of 8 bits round, but not those of 16.
    return _tiff(opened, _TIFF_PHOTOMETRIC) == 0


def _in_eight_bits(picture: Image.Image, lost: int, *, inverted: bool) -> Image.Image:
    deep = np.asarray(picture).astype(np.uint32)
    pixels = (deep >> lost).astype(np.uint8)
    reduced = Image.fromarray(255 - pixels if inverted else pixels)
    transparent = picture.info.get("transparency")  # in PNG files, the grey that is
    if isinstance(transparent, int):
        reduced.putalpha(Image.fromarray(np.where(deep == transparent, 0, 255).astype(np.uint8)))
    return reduced
