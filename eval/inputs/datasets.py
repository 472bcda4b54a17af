"""`--dataset`: the shipped sample, a TFDS data set, a folder of images, or an `.npz` file, one image at a time."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds

from tf_strattack import InputError, shipped
from tf_strattack.images import from_uint8, to_uint8
from tf_strattack.programs.tfds_splits import load_raw
from tf_strattack.runtime.causes import cause_of
from tf_strattack.typing import Images

from .dataset_files import Row, Rows
from .image_folders import read_folder
from .npz_files import read_npz
from .photographs import NONE, Frame, make_frame
from .pixels import to_unit


class Record(NamedTuple):
    """One image.

    Attributes:
      name: unique in its data set.
      image: (H, W, C) in [0, 1], or in the network's scale after classification.
      label: its class.
      position: its index in the data set.
      least_likely: the class with the lowest score, -1 if not computed.
    """

    name: str
    image: Images
    label: int
    position: int = 0
    least_likely: int = -1


@dataclasses.dataclass(frozen=True)
class Data:
    """A data set in its own order.

    Attributes:
      records_from: opens the data set at a position; images are read lazily.
      version: a text that changes with the content.
      class_names: the known names of classes, by index.
      number: the number of images.
      split: the split that was read; None if the data set has no splits.
    """

    records_from: Callable[[int], Iterator[Record]]
    version: str
    class_names: Mapping[int, str]
    number: int
    split: str | None = None

    @property
    def records(self) -> Iterator[Record]:
        """All records, from the first one."""
        return self.records_from(0)

    def on_lattice(self) -> Data:
        """The data set with each pixel rounded to the nearest of 256 levels."""

        def records_from(start: int) -> Iterator[Record]:
            for record in self.records_from(start):
                yield record._replace(image=from_uint8(to_uint8(record.image)))

        return dataclasses.replace(self, records_from=records_from)


def read_dataset(
    name: str,
    *,
    data_dir: str | None,
    split: str,
    download: bool,
    image_shape: tuple[int | None, ...] | None = None,
    resize: str = NONE,
    allow_outside: bool = False,
) -> Data:
    """Opens the data set `name`.

    Args:
      name: "sample"; a folder with images and labels.csv (columns filename, class_index and, optionally, class_name; in
        it or in the folder above), or with one sub-folder of images per class; an `.npz` file with arrays images
        (uint8, or floating point in [0, 1]) and labels, or Keras's x_train, y_train, x_test and y_test; or the name of
        a TFDS data set.
      data_dir, download: the directory of TFDS, and whether TFDS may download.
      split: the split of a TFDS data set, or of Keras's arrays.
      image_shape: (H, W, C) of the network; None for each size that is not fixed.
      resize: how images are resized to that shape, as in `make_frame`.
      allow_outside: whether image files of a folder may be, or links may lead, outside the folder.

    Raises:
      InputError: no data set of that name, or files that cannot be read.
    """
    path = Path(name)
    frame_of = functools.partial(make_frame, resize, image_shape)
    channels = image_shape[-1] if image_shape else None
    if name == "sample":
        return _data(_sample(), frame_of(varied=False))
    if path.is_dir():
        return _data(read_folder(path, channels, allow_outside=allow_outside), frame_of(varied=True))
    if path.suffix.lower() == ".npz":
        rows, in_splits = read_npz(path, split)
        return _data(rows, frame_of(varied=False), split if in_splits else None)
    if "/" in name or path.suffix:
        raise InputError(f"expected --dataset to be sample, a TFDS name, a folder or an .npz file, received {name!r}")
    rows, varied = _open_tfds(name, split, data_dir, download)
    return _data(rows, frame_of(varied=varied), split)


def _data(rows: Rows, frame: Frame | None, split: str | None = None) -> Data:
    def records_from(start: int) -> Iterator[Record]:
        for position, (name, image, label) in enumerate(rows.rows_from(start), start):
            framed = image if frame is None else frame(image, name)
            yield Record(name, to_unit(framed, name), int(label), position)

    return Data(records_from, rows.version, rows.class_names, rows.number, split)


def _sample() -> Rows:
    sample = shipped.load_sample()
    names = [f"mnist_test_{index}" for index in sample.indices]
    pixels = np.round(sample.images * 255).astype(np.uint8)

    def rows(start: int) -> Iterable[Row]:
        return zip(names[start:], pixels[start:], sample.labels[start:], strict=True)

    return Rows(rows, f"sha256 {hashlib.sha256(pixels.tobytes()).hexdigest()}", {}, len(pixels))


def _open_tfds(name: str, split: str, data_dir: str | None, download: bool) -> tuple[Rows, bool]:
    """The rows of a TFDS data set, and whether its images vary in size."""
    load = functools.partial(_load_tfds, name, split, data_dir, download)
    pairs, info = load()
    if not _are_labelled_images(*pairs.element_spec):
        raise InputError(
            f"expected images and whole numbers as labels in the TFDS data set {name}, received {pairs.element_spec}"
        )

    def rows(start: int) -> Iterator[Row]:
        here = pairs
        if start:  # images before `start` are skipped without decoding
            key = info.supervised_keys[0]
            encoded, _ = load(decoders={key: tfds.decode.SkipDecoding()})
            decode = info.features[key].decode_example
            here = encoded.skip(start).map(lambda image, label: (decode(image), label), tf.data.AUTOTUNE)
        for index, (image, label) in enumerate(here.as_numpy_iterator(), start):
            yield f"{name}_{split}_{index}", image, int(label)

    return Rows(rows, info.full_name, {}, int(pairs.cardinality())), None in pairs.element_spec[0].shape


def _are_labelled_images(image: Any, label: Any) -> bool:
    specs = isinstance(image, tf.TensorSpec) and isinstance(label, tf.TensorSpec)
    return specs and image.shape.rank == 3 and label.shape.rank == 0 and (label.dtype.is_integer or label.dtype.is_bool)


def _load_tfds(name: str, split: str, data_dir: str | None, download: bool, **options: Any) -> tuple[Any, Any]:
    try:
        (pairs,), info = load_raw(name, [split], data_dir=data_dir, download=download, with_info=True, **options)
    except ValueError as error:
        if isinstance(error, InputError):
            raise
        if not re.fullmatch(r"[\w.:]+", name):
            raise InputError(f"expected --dataset to be a TFDS name, a folder or a file, received {name!r}") from error
        raise InputError(f"expected a split of {name}, received --split={split}: {cause_of(error)}") from error
    return pairs, info
