"""Images of a gallery: small, but exact enough to read values from."""

from __future__ import annotations

import base64
import io
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from PIL import Image

from tf_strattack import SlidingMask
from tf_strattack.drawing import group_map, group_means
from tf_strattack.images import to_uint8
from tf_strattack.problem.distortions import CHANGED
from tf_strattack.problem.groups import GroupStructure
from tf_strattack.typing import Images

# The most bytes for a page's images, as base64; the rest of the page is a few hundred kilobytes.
BUDGET = 8_500_000
# The bytes at an image size are estimated from so many images, with some margin.
_SAMPLE, _CAUTION = 16, 0.95
# The share of the budget for group means; if they take more, they are left out.
_MOST_GROUPS = 0.3
# The level of no change, and the number of levels up to the largest change.
_ZERO, _STEPS = 128, 127
# Larger originals are compressed with losses of a few levels per pixel.
_LOSSLESS = 64 * 64
_QUALITY = 85


class Coded(NamedTuple):
    """An example as bytes.

    Attributes:
      image_id: the name of the original.
      original: uint8 (H, W, 1 or 3).
      change: uint8 (H, W, 1 or 3): 128 + 127 delta/limit, so that no change is exactly 128.
      limit: the largest change in [0, 1] scale.
      groups: uint8 (P, Q), or (H, W) for groups other than squares: the mean absolute change of a group, scaled so that
        the largest mean is 255.
      group_limit: the largest of these means.
    """

    image_id: str
    original: npt.NDArray[np.uint8]
    change: npt.NDArray[np.uint8]
    limit: float
    groups: npt.NDArray[np.uint8]
    group_limit: float


def code_example(original: Images, delta: Images, image_id: str, groups: GroupStructure) -> Coded:
    """Codes an image and its perturbation (H, W, C) in [0, 1] scale; takes the first channel unless C is 1 or 3."""
    # Groups other than squares have no grid: each pixel shows the mean of its group.
    means = group_means(delta, groups) if side_of(groups) else np.nan_to_num(group_map(delta, groups))
    channels = slice(None) if original.shape[-1] in (1, 3) else slice(1)
    shown, change = original[..., channels].clip(0, 1), delta[..., channels]
    limit = max(float(np.abs(change).max()), CHANGED)
    top = max(float(means.max()), CHANGED)
    return Coded(
        image_id,
        to_uint8(shown),
        (_ZERO + np.round(change * (_STEPS / limit))).astype(np.uint8),
        limit,
        np.round(means * (255 / top)).astype(np.uint8),
        top,
    )


def side_of(groups: GroupStructure) -> int | None:
    """The side in pixels of groups that are disjoint squares; None for other groups."""
    return groups.size if isinstance(groups, SlidingMask) and not groups.overlapping else None


def embed(examples: Sequence[Coded], budget: int) -> dict[str, Any]:
    """The images as data URLs within `budget` bytes; originals that examples share are stored once.

    If the images do not fit, they are reduced to 1/2, 1/3, … of their size by averaging pixels.

    Returns:
      JSON values: "factor", which divides the size; "exact", whether originals are lossless; "originals"; and for each
      of the "examples" the index of its "original", "change", "limit", "groups" (None if they would take too much) and
      "group_limit".
    """
    originals = len({example.image_id for example in examples})
    sample = examples[:: max(1, len(examples) // _SAMPLE)]
    scale = len(examples) / len(sample)
    # Group means do not shrink with the images.
    with_groups = scale * _bytes_of(_embedded(sample, 1, True)["examples"], "groups") <= _MOST_GROUPS * budget
    factor = 1
    while factor < min(examples[0].original.shape[:2]):
        few = _embedded(sample, factor, with_groups)
        expected = scale * _bytes_of(few["examples"], "change", "groups")
        expected += sum(map(len, few["originals"])) / len(few["originals"]) * originals
        if expected <= _CAUTION * budget:
            embedded = _embedded(examples, factor, with_groups)
            if _bytes_of(embedded["examples"], "change", "groups") + sum(map(len, embedded["originals"])) <= budget:
                return embedded
        factor += 1
    return _embedded(examples, factor, with_groups)


def _embedded(examples: Sequence[Coded], factor: int, with_groups: bool) -> dict[str, Any]:
    numbers: dict[str, int] = {}
    originals: list[str] = []
    rows = []
    exact = bool(examples[0].original[..., 0].size <= _LOSSLESS) and factor == 1
    for example in examples:
        if example.image_id not in numbers:
            numbers[example.image_id] = len(originals)
            small = _averaged(example.original.astype(np.float32), factor)
            originals.append(_address(np.round(small).astype(np.uint8), exact=exact))
        change = _averaged(example.change.astype(np.float32) - _ZERO, factor)
        rows.append(
            {
                "original": numbers[example.image_id],
                "change": _address((_ZERO + np.round(change)).astype(np.uint8), exact=True),
                "limit": _rounded(example.limit),
                "groups": _address(example.groups[..., None], exact=True) if with_groups else None,
                "group_limit": _rounded(example.group_limit),
            }
        )
    height, width, _ = examples[0].original.shape
    return {
        "factor": factor,
        "exact": exact,
        "height": height,
        "width": width,
        "originals": originals,
        "examples": rows,
    }


def _averaged(image: Images, factor: int) -> Images:
    """Means over blocks of `factor` × `factor` pixels; blocks at the edge may be smaller."""
    if factor == 1:
        return image
    averaged = image
    for axis in (0, 1):
        starts = np.arange(0, image.shape[axis], factor)
        counts = np.diff(np.append(starts, image.shape[axis])).astype(np.float32)
        averaged = (np.add.reduceat(averaged, starts, axis=axis) / counts.reshape(-1, *[1] * (2 - axis))).astype("f4")
    return averaged


def _address(pixels: npt.NDArray[np.uint8], *, exact: bool) -> str:
    picture = Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)
    file = io.BytesIO()
    if exact:
        picture.save(file, format="PNG", optimize=True)
    else:
        picture.save(file, format="WEBP", quality=_QUALITY)
    kind = "png" if exact else "webp"
    return f"data:image/{kind};base64,{base64.b64encode(file.getvalue()).decode()}"


def _bytes_of(rows: Sequence[Mapping[str, Any]], *names: str) -> int:
    return sum(len(row[name] or "") for row in rows for name in names)


def _rounded(value: float) -> float:
    return float(f"{value:.4g}")
