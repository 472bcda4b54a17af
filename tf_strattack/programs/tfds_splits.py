"""Splits of TFDS data sets, or a line that names what is missing."""

from __future__ import annotations

from typing import Any

import tensorflow_datasets as tfds

from tf_strattack.errors import InputError


def load_raw(name: str, splits: list[str], *, data_dir: str | None, download: bool, **options: Any) -> Any:
    """Returns each split of a TFDS data set as (uint8 image, label) pairs, in its fixed order.

    `options` are those of `tfds.load`; with_info=True also returns the information about the data set.

    Raises:
      InputError: `data_dir` does not hold the data set and `download` is off.
    """
    try:
        return tfds.load(name, split=splits, data_dir=data_dir, download=download, as_supervised=True, **options)
    except (tfds.core.DatasetNotFoundError, AssertionError, FileNotFoundError) as error:
        raise InputError(
            f"expected the TFDS data set {name!r} in --data_dir, received {data_dir or 'the default directory'} "
            "without it: name its directory, or add --download"
        ) from error
