"""Conversion of pixels from data sets to [0, 1]: from bytes, or from floating point in [0, 1]."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from tf_strattack import InputError
from tf_strattack.typing import Images

# Pixels from files and data sets, of any type: (H, W, C).
Pixels = npt.NDArray[Any]


def to_unit(pixels: Pixels, source: object) -> Images:
    """Converts pixels to float32 in [0, 1]: uint8 divided by 255, floating point as it is; `source` names them.

    Raises:
      InputError: as `check_pixels`.
    """
    check_pixels(pixels, source)
    return pixels.astype(np.float32) / 255.0 if pixels.dtype == np.uint8 else pixels.astype(np.float32)


def check_pixels(pixels: Pixels, source: object) -> None:
    """Refuses pixels of one or more images whose scale is unknown.

    Raises:
      InputError: neither uint8 nor floating point in [0, 1]; the message says how to store them.
    """
    if pixels.dtype == np.uint8 or (pixels.dtype.kind == "f" and not pixels.size):
        return
    expected = f"expected uint8 pixels or floating-point ones in [0, 1] in {source}, received {pixels.dtype}"
    if pixels.dtype.kind not in "biuf":  # texts and objects have no minimum
        raise InputError(f"{expected}: store the pixels themselves, as uint8")
    if pixels.dtype.kind != "f" and not pixels.size:
        raise InputError(f"{expected}: store uint8")
    low, high = float(pixels.min()), float(pixels.max())
    if pixels.dtype.kind != "f" or not (low >= 0 and high <= 1):
        raise InputError(f"{expected} from {low:g} to {high:g}: {_remedy(pixels.dtype, low, high)}")


def _remedy(dtype: np.dtype[Any], low: float, high: float) -> str:
    in_bytes = 0 <= low and high <= 255
    if dtype.kind == "b":
        return 'store images.astype("uint8") * 255'
    if dtype.kind in "iu":
        if in_bytes:
            return 'store images.astype("uint8")'
        return 'store (images >> 8).astype("uint8")' if 0 <= low and high <= 65535 else "store uint8, from 0 to 255"
    if np.isnan(low):
        return "replace values that are not a number"
    if in_bytes:
        return 'divide them by 255, or store images.astype("uint8")'
    if not np.isfinite([low, high]).all():
        return "replace infinite values"
    if -1 <= low and high <= 1:
        return "convert them to [0, 1]: images + 0.5 from [-0.5, 0.5], (images + 1) / 2 from [-1, 1]"
    return "convert them to [0, 1], or to uint8 from 0 to 255"
