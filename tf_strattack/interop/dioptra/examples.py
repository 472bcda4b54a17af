"""Data sets as Dioptra's tasks pass them, and their images and labels as arrays."""

from __future__ import annotations

import dataclasses
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from tf_strattack.checks import check_bounds
from tf_strattack.errors import InputError
from tf_strattack.typing import Images

_PAIRS = "a data set of pairs (image, label), batched or not"


class Examples(NamedTuple):
    """The N elements of a data set.

    Attributes:
      images: (N, H, W, C).
      labels: (N,), (N, 1) or, one-hot, (N, K), as they are in the data set.
      batch: the number of images in its first batch; None if it has no batches.
    """

    images: Images
    labels: npt.NDArray[Any]
    batch: int | None


def data_of(dataset: Any) -> tf.data.Dataset:
    """The `tf.data.Dataset` of `dataset`: itself, or the `data` of a dataclass, as OPTIC's tasks pass it.

    Raises:
      InputError: anything else.
    """
    data = getattr(dataset, "data", None) if dataclasses.is_dataclass(dataset) else dataset
    if isinstance(data, tf.data.Dataset):
        return data
    raise InputError(f"expected a tf.data.Dataset, or a dataclass with one as data, received {type(dataset).__name__}")


def bounds_of(dataset: Any, bounds: Any) -> tuple[float, float]:
    """The range of pixels: `bounds` if given, else what the metadata of OPTIC's data set say, else (0, 1).

    Raises:
      InputError: not two numbers, the lower first.
    """
    own = getattr(getattr(dataset, "meta", None), "value_range", None)
    return check_bounds(bounds if bounds is not None else own if own is not None else (0.0, 1.0))


def examples_of(dataset: Any) -> Examples:
    """Reads all images and labels of a data set.

    Raises:
      InputError: other elements than pairs of an image and a label, none at all, or a data set without an end.
    """
    data = data_of(dataset)
    spec = data.element_spec
    if not isinstance(spec, tuple) or len(spec) != 2 or not all(isinstance(part, tf.TensorSpec) for part in spec):
        raise InputError(f"expected {_PAIRS}, received elements {spec}: dataset.map(...) makes them")
    if data.cardinality() == tf.data.INFINITE_CARDINALITY:
        raise InputError("expected a data set with an end, received one that repeats for ever: dataset.take(n)")
    pairs = list(data.as_numpy_iterator())
    if not pairs:
        raise InputError(f"expected {_PAIRS}, received an empty one")
    first = np.shape(pairs[0][0])
    if len(first) not in (3, 4):
        raise InputError(f"expected {_PAIRS}, images (H, W, C), received images of shape {first}")
    join = np.concatenate if len(first) == 4 else np.stack
    try:
        images, labels = (join([pair[part] for pair in pairs]) for part in (0, 1))
    except ValueError as error:
        raise InputError(f"expected images of one size, received others: {error}") from None
    return Examples(images.astype(np.float32), labels, first[0] if len(first) == 4 else None)


def with_images(dataset: Any, examples: Examples, images: Images) -> Any:
    """A data set like `dataset`, batched like it and with its labels, of other `images` (N, H, W, C)."""
    data = tf.data.Dataset.from_tensor_slices((images, examples.labels))
    data = data if examples.batch is None else data.batch(examples.batch)
    return data if isinstance(dataset, tf.data.Dataset) else dataclasses.replace(dataset, data=data)
