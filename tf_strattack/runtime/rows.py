"""Rows of a batch: numbering them, padding them, and choosing some of them."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from tf_strattack.typing import Images

_Nest = TypeVar("_Nest")


def positions_of(images: Images) -> npt.NDArray[np.int32]:
    """The positions (N,) of images that are all images of the call."""
    return np.arange(len(images), dtype=np.int32)


def pad_rows(array: npt.NDArray[Any], rows: int) -> npt.NDArray[Any]:
    """Repeats the first row until there are at least `rows`."""
    missing = rows - len(array)
    return np.concatenate([array, np.repeat(array[:1], missing, axis=0)]) if missing > 0 else array


def select_rows(nest: _Nest, rows: npt.NDArray[np.int64]) -> _Nest:
    """Selects some rows in a nest of tensors `nest`; scalars, and values that are not tensors, belong to every row."""

    def chosen(part: Any) -> Any:
        return tf.gather(part, rows) if tf.is_tensor(part) and part.shape.rank else part

    selected: _Nest = tf.nest.map_structure(chosen, nest)
    return selected
