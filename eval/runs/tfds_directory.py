"""Adversarial examples as a TFDS directory: features, shards and metadata."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds

from tf_strattack import AttackResult, metrics
from tf_strattack.images import to_uint8
from tf_strattack.programs.directories.layouts import CARD

from .dataset_card import card_of, write_card

# The value of `target` in examples of an untargeted attack.
UNTARGETED = -1
FLOAT32, UINT8 = "float32", "uint8"
DISTANCES = ("l0", "l1", "l2", "linf")
_NAME, _SPLIT = "adversarial_examples", "train"
# Messages of TensorFlow's writer → errors of the operating system.
_ROOM = {os.strerror(number): number for number in (errno.ENOSPC, errno.EFBIG, errno.EDQUOT)}


def features_of(image_shape: tuple[int, ...], dtype: str) -> tfds.features.FeaturesDict:
    """The features of an example: images (H, W, C) as "float32" in the classifier's scale, or as "uint8"."""
    if dtype == UINT8 and image_shape[-1] in (1, 3, 4):
        image: Any = tfds.features.Image(shape=image_shape, encoding_format="png")
    else:
        image = tfds.features.Tensor(shape=image_shape, dtype=np.dtype(dtype))
    distances = {name: tfds.features.Scalar(tf.float32) for name in DISTANCES}
    return tfds.features.FeaturesDict(
        {
            "image": image,
            "original": image,
            "label": tf.int64,
            "target": tf.int64,
            "success": tf.bool,
            "example_id": tfds.features.Text(),
            **distances,
        }
    )


def rows_of(result: AttackResult, dtype: str) -> Iterator[dict[str, Any]]:
    """The examples of a result with ids, as values of `features_of`; "uint8" rounds to the nearest levels."""
    targets = np.full(len(result), UNTARGETED) if result.targets is None else result.targets
    distances = {name: getattr(metrics, name)(result.delta) for name in DISTANCES}
    image: Any = result.adversarial
    original: Any = result.images
    if dtype == UINT8:
        image, original = to_uint8(image, result.bounds), to_uint8(original, result.bounds)
    for row, name in enumerate(result.example_ids if result.example_ids is not None else []):
        yield {
            "image": image[row],
            "original": original[row],
            "label": result.labels[row],
            "target": targets[row],
            "success": result.success[row],
            "example_id": str(name),
            **{measure: np.float32(values[row]) for measure, values in distances.items()},
        }


def shard_name(number: int, shards: int) -> str:
    """The file name of a shard, in the form that TFDS requires."""
    return f"{_NAME}-{_SPLIT}.tfrecord-{number:05d}-of-{shards:05d}"


def write_shard(path: Path, features: tfds.features.FeaturesDict, rows: Iterable[dict[str, Any]]) -> int:
    """Writes a shard and flushes it to the disk; returns the number of examples.

    Raises:
      OSError: the disk is full.
    """
    number = 0
    try:
        with tf.io.TFRecordWriter(str(path)) as writer:
            for row in rows:
                writer.write(_serialized(features, row))
                number += 1
    except tf.errors.OpError as error:
        reason = str(error).rpartition("; ")[2]
        raise OSError(_ROOM.get(reason, errno.EIO), reason, str(path)) from error
    with path.open("rb") as file:
        os.fsync(file.fileno())
    return number


def _serialized(features: tfds.features.FeaturesDict, row: dict[str, Any]) -> bytes:
    """An example as bytes that are the same in every process; by default protobuf orders maps arbitrarily."""
    example = tf.train.Example.FromString(features.serialize_example(row))
    return example.SerializeToString(deterministic=True)


def read_shard(path: Path, features: tfds.features.FeaturesDict) -> Iterator[dict[str, Any]]:
    """The examples of a shard, as NumPy values by feature.

    Raises:
      tf.errors.DataLossError: a damaged record.
    """
    for record in tf.data.TFRecordDataset(str(path)).as_numpy_iterator():
        yield features.deserialize_example_np(record)


def write_info(
    directory: Path, features: tfds.features.FeaturesDict, files: Sequence[tuple[int, int]], facts: dict[str, Any]
) -> None:
    """Writes the metadata by which `tfds.builder_from_directory` can read `directory`, as split "train".

    Args:
      directory: the directory with all shards.
      features: the features of the shards.
      files: the numbers of examples and of bytes of each shard, in order.
      facts: metadata of the data set; JSON values.
    """
    template = tfds.core.ShardedFileTemplate(
        data_dir=directory, dataset_name=_NAME, split=_SPLIT, filetype_suffix="tfrecord"
    )
    lengths = [examples for examples, _ in files]
    tfds.folder_dataset.write_metadata(
        data_dir=str(directory),
        features=features,
        split_infos=[tfds.core.SplitInfo(_SPLIT, lengths, sum(size for _, size in files), template)],
        version="1.0.0",
        check_data=False,  # the check would read an example and print a message
        supervised_keys=("image", "label"),
        description=f"Adversarial examples; target is {UNTARGETED} if the attack was untargeted.",
        metadata=tfds.core.MetadataDict(json.loads(json.dumps(facts))),
    )
    write_card(directory / CARD, card_of(facts, png=False))
