"""Adversarial examples as a TFDS directory: features, shards and metadata."""

from __future__ import annotations

import errno
import functools
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf
import tensorflow_datasets as tfds

from tf_strattack.programs.directories.layouts import CARD, DATASET

from .dataset_card import TFDS, card_of, write_card
from .rows import DISTANCES, UNTARGETED, Row, Schema, ShardFile

# What `Format` asks for.
FOLDER, LAYOUT = "dataset", DATASET
INFO: tuple[str, ...] = ("dataset_info.json", "features.json", "metadata.json", CARD)
_NAME, _SPLIT = "adversarial_examples", "train"
# Messages of TensorFlow's writer → errors of the operating system.
_ROOM = {os.strerror(number): number for number in (errno.ENOSPC, errno.EFBIG, errno.EDQUOT)}


@functools.cache
def features_of(schema: Schema) -> tfds.features.FeaturesDict:
    """The features of an example: images (H, W, C) as "float32" in the classifier's scale, or as "uint8"."""
    if schema.as_png:
        image: Any = tfds.features.Image(shape=schema.image_shape, encoding_format="png")
    else:
        image = tfds.features.Tensor(shape=schema.image_shape, dtype=np.dtype(schema.dtype))
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


def shard_name(number: int, shards: int) -> str:
    """The file name of a shard, in the form that TFDS requires."""
    return f"{_NAME}-{_SPLIT}.tfrecord-{number:05d}-of-{shards:05d}"


def write_shard(path: Path, schema: Schema, rows: Iterable[Row]) -> None:
    """Writes a shard and flushes it to the disk.

    Raises:
      OSError: the disk is full.
    """
    features = features_of(schema)
    try:
        with tf.io.TFRecordWriter(str(path)) as writer:
            for row in rows:
                writer.write(_serialized(features, row))
    except tf.errors.OpError as error:
        reason = str(error).rpartition("; ")[2]
        raise OSError(_ROOM.get(reason, errno.EIO), reason, str(path)) from error
    with path.open("rb") as file:
        os.fsync(file.fileno())


def _serialized(features: tfds.features.FeaturesDict, row: Row) -> bytes:
    """An example as bytes that are the same in every process; by default protobuf orders maps arbitrarily."""
    example = tf.train.Example.FromString(features.serialize_example(row))
    return example.SerializeToString(deterministic=True)


def read_shard(path: Path, schema: Schema) -> Iterator[Row]:
    """The examples of a shard.

    Raises:
      tf.errors.DataLossError: a damaged record.
    """
    features = features_of(schema)
    for record in tf.data.TFRecordDataset(str(path)).as_numpy_iterator():
        row = features.deserialize_example_np(record)
        yield {**row, "example_id": row["example_id"].decode()}


def write_info(directory: Path, schema: Schema, shards: Sequence[ShardFile], facts: Mapping[str, Any]) -> None:
    """Writes the metadata by which `tfds.builder_from_directory` can read `directory`, as split "train".

    Args:
      directory: the directory with all shards.
      schema: of their rows.
      shards: their files, in order.
      facts: metadata of the data set; JSON values.
    """
    template = tfds.core.ShardedFileTemplate(
        data_dir=directory, dataset_name=_NAME, split=_SPLIT, filetype_suffix="tfrecord"
    )
    lengths = [shard.num_examples for shard in shards]
    tfds.folder_dataset.write_metadata(
        data_dir=str(directory),
        features=features_of(schema),
        split_infos=[tfds.core.SplitInfo(_SPLIT, lengths, sum(shard.bytes for shard in shards), template)],
        version="1.0.0",
        check_data=False,  # the check would read an example and print a message
        supervised_keys=("image", "label"),
        description=f"Adversarial examples; target is {UNTARGETED} if the attack was untargeted.",
        metadata=tfds.core.MetadataDict(json.loads(json.dumps(facts))),
    )
    write_card(directory / CARD, card_of(facts, TFDS))
