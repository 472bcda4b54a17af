"""Training and test splits as tf.data pipelines."""

from __future__ import annotations

import tensorflow as tf
import tensorflow_datasets as tfds

from tf_strattack.errors import InputError


def load_raw(name: str, splits: list[str], *, data_dir: str | None, download: bool) -> list[tf.data.Dataset]:
    """Returns each split of a TFDS data set as (uint8 image, label) pairs, in its fixed order.

    Raises:
      InputError: `data_dir` does not hold the data set and `download` is off.
    """
    try:
        return tfds.load(name, split=splits, data_dir=data_dir, download=download, as_supervised=True)
    except (tfds.core.DatasetNotFoundError, AssertionError, FileNotFoundError) as error:
        raise InputError(
            f"expected the TFDS data set {name!r} in --data_dir, received {data_dir or 'the default directory'} "
            "without it: name its directory, or add --download"
        ) from error


def load_splits(
    name: str, *, data_dir: str | None, download: bool, batch_size: int, seed: int
) -> tuple[tf.data.Dataset, tf.data.Dataset]:
    """Returns (train, test) batches of (float32 images in [0, 1], int labels).

    The training split is cached and reshuffled each epoch from `seed`; the test split keeps its order.

    Raises:
      InputError: as `load_raw`.
    """
    train, test = load_raw(name, ["train", "test"], data_dir=data_dir, download=download)

    def scale(image: tf.Tensor, label: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
        return tf.cast(image, tf.float32) / 255.0, label

    train = train.map(scale).cache().shuffle(60_000, seed=seed).batch(batch_size)
    test = test.map(scale).cache().batch(batch_size)
    return train.prefetch(tf.data.AUTOTUNE), test.prefetch(tf.data.AUTOTUNE)
