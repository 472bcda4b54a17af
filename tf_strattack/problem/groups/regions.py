"""Groups that follow the content of an image: boxes around objects, superpixels."""

from __future__ import annotations

from typing import Any

import numpy as np

from tf_strattack.checks import check_count
from tf_strattack.errors import InputError
from tf_strattack.problem.groups.label_map import LabelMap
from tf_strattack.problem.groups.union import Union
from tf_strattack.typing import Images


def objects(
    boxes: Any, height: int, width: int, *, overlapping: bool = False, unlabelled: str = "fixed"
) -> LabelMap | Union:
    """A group for each box, such as from an object detector; by default nothing outside the boxes changes.

    Args:
      boxes: (K, 4) integers: top, left, bottom and right, the last two exclusive, within the image.
      height, width: the image's size in pixels.
      overlapping: whether a pixel in several boxes belongs to all of them; else it belongs to the smallest.
      unlabelled: as in `LabelMap`.

    Returns:
      A `LabelMap`, or, if boxes overlap and `overlapping` allows it, a `Union` of several.

    Raises:
      InputError: boxes of another shape, that are empty, or that reach beyond the image.
    """
    given = np.asarray(boxes)
    if given.ndim != 2 or given.shape[1] != 4 or not len(given) or not np.issubdtype(given.dtype, np.integer):
        raise InputError(f"expected boxes as integers of shape (K, 4), received {given.dtype} of shape {given.shape}")
    for top, left, bottom, right in given.tolist():
        if not (0 <= top < bottom <= height and 0 <= left < right <= width):
            raise InputError(
                f"expected boxes of at least a pixel within {height} x {width} pixels, "
                f"received {[top, left, bottom, right]}"
            )
    sizes = (given[:, 2] - given[:, 0]) * (given[:, 3] - given[:, 1])
    layers = [np.full((height, width), -1)]
    # The largest first, so that smaller ones lie on top; if they may overlap, each goes into the first layer with room.
    for label in np.argsort(-sizes, kind="stable"):
        top, left, bottom, right = given[label]
        if overlapping and all((layer[top:bottom, left:right] >= 0).any() for layer in layers):
            layers.append(np.full((height, width), -1))
        free = (layer for layer in layers if not overlapping or (layer[top:bottom, left:right] < 0).all())
        next(free)[top:bottom, left:right] = label
    if len(layers) == 1:
        return LabelMap(layers[0], unlabelled=unlabelled)
    return Union([LabelMap(layer) for layer in layers], unlabelled=unlabelled)


def superpixels(images: Images, segments: int, *, compactness: float = 10.0, weights: str = "equal") -> LabelMap:
    """About `segments` regions of similar colour in each image, by SLIC (Achanta et al., 2012).

    It needs scikit-image, the extra `superpixels`.

    Args:
      images: (N, H, W, C) in any scale: each image is rescaled to [0, 1] first.
      segments: the number of regions in an image, approximately.
      compactness: how much nearness counts against similarity, as in `skimage.segmentation.slic`.
      weights: as in `LabelMap`.

    Raises:
      InputError: a number below 1, images of another shape, or scikit-image missing.
    """
    check_count("segments", segments)
    given = np.asarray(images, np.float32)
    if given.ndim != 4:
        raise InputError(f"expected images of shape (N, H, W, C), received {given.shape}")
    try:
        from skimage.segmentation import slic
    except ImportError as error:
        raise InputError(
            'expected scikit-image for superpixels, received none: pip install "tf_strattack[superpixels]"'
        ) from error
    maps = []
    for image in given:
        low, high = image.min(), image.max()
        unit = (image - low) / max(high - low, 1e-6)
        maps.append(slic(unit, n_segments=segments, compactness=compactness, start_label=0, channel_axis=-1))
    return LabelMap(np.stack(maps), weights=weights)
