"""Adversarial examples as a folder of Parquet files, which `datasets.load_dataset` and hubs read."""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from tf_strattack.programs.directories.layouts import CARD, PARQUET
from tf_strattack.runtime.files import write_json

from .croissant import CROISSANT, croissant_of_parquet
from .dataset_card import HUGGING_FACE, card_of, write_card
from .rows import DISTANCES, Row, Schema, ShardFile
from .tfds_directory import features_of

# What `Format` asks for.
FOLDER, LAYOUT = "parquet", PARQUET
INFO: tuple[str, ...] = (CARD, CROISSANT)
_IMAGES = ("image", "original")
_TYPES: dict[str, Any] = {
    "label": np.int64,
    "target": np.int64,
    "success": np.bool_,
    "example_id": None,
    **dict.fromkeys(DISTANCES, np.float32),
}
# Rows of a group, which is read at once: a hub shows the first ones without reading the rest.
_GROUP = 100


def shard_name(number: int, shards: int) -> str:
    """The file name of a shard, in the form that hubs use."""
    return f"train-{number:05d}-of-{shards:05d}.parquet"


def write_shard(path: Path, schema: Schema, rows: Iterable[Row]) -> None:
    """Writes a shard and flushes it to the disk: PNG images where these can hold them, else nested lists.

    Raises:
      OSError: the disk is full.
    """
    from pyarrow import parquet

    columns = _arrow_schema(schema)
    left = iter(rows)
    with path.open("xb") as file:
        with parquet.ParquetWriter(file, columns, compression="zstd") as writer:
            while group := list(itertools.islice(left, _GROUP)):
                writer.write_table(_table(group, schema, columns))
        file.flush()
        os.fsync(file.fileno())


def read_shard(path: Path, schema: Schema) -> Iterator[Row]:
    """The examples of a shard."""
    from pyarrow import parquet

    with parquet.ParquetFile(path) as file:
        for batch in file.iter_batches(batch_size=_GROUP):
            columns = {name: _pixels(batch[name], schema) for name in _IMAGES}
            for name, dtype in _TYPES.items():
                values = batch[name].to_pylist()
                columns[name] = values if dtype is None else np.array(values, dtype)
            for row in range(len(batch)):
                yield {name: values[row] for name, values in columns.items()}


def write_info(directory: Path, schema: Schema, shards: Sequence[ShardFile], facts: Mapping[str, Any]) -> None:
    """Writes the card and the Croissant metadata.

    Args:
      directory: the directory with all shards.
      schema: of their rows.
      shards: their files, in order.
      facts: what made the data set; JSON values.
    """
    write_json(directory / CROISSANT, croissant_of_parquet(facts, schema, shards))
    write_card(directory / CARD, card_of(facts, HUGGING_FACE))


def _arrow_schema(schema: Schema) -> Any:
    """The types of the columns, and what `datasets` takes images and classes from."""
    import pyarrow as pa

    # Lists, which every reader has. As the type of arrays that `datasets` defines, pandas could not read them.
    array = pa.list_(pa.list_(pa.list_(pa.from_numpy_dtype(np.dtype(schema.dtype)))))
    image = pa.struct([("bytes", pa.binary()), ("path", pa.string())]) if schema.as_png else array
    types = {name: pa.string() if dtype is None else pa.from_numpy_dtype(dtype) for name, dtype in _TYPES.items()}
    about = {"huggingface": json.dumps({"info": {"features": _features(schema)}})}
    return pa.schema(list({**dict.fromkeys(_IMAGES, image), **types}.items()), about)


def _features(schema: Schema) -> dict[str, Any]:
    """The columns in the words of `datasets`."""
    array = {"shape": schema.image_shape, "dtype": schema.dtype, "_type": "Array3D"}
    image = {"_type": "Image"} if schema.as_png else array
    plain: dict[str, Any] = {
        name: {"dtype": "string" if dtype is None else np.dtype(dtype).name, "_type": "Value"}
        for name, dtype in _TYPES.items()
    }
    if schema.class_names:
        plain["label"] = {"names": schema.class_names, "_type": "ClassLabel"}
    return {**dict.fromkeys(_IMAGES, image), **plain}


def _table(rows: Sequence[Row], schema: Schema, columns: Any) -> Any:
    import pyarrow as pa

    arrays = [_images([row[name] for row in rows], schema, columns.field(name).type) for name in _IMAGES]
    for name, dtype in _TYPES.items():
        values = [row[name] for row in rows]
        arrays.append(pa.array(values if dtype is None else np.array(values, dtype)))
    return pa.Table.from_arrays(arrays, schema=columns)


def _images(images: Sequence[npt.NDArray[Any]], schema: Schema, kind: Any) -> Any:
    """A column of images: PNG files, or lists of rows of pixels of channels."""
    import pyarrow as pa

    if schema.as_png:
        encode = features_of(schema)["image"].encode_example
        return pa.array([{"bytes": encode(image), "path": None} for image in images], kind)
    pixels = np.asarray(images, schema.dtype)
    number, column = pixels.size, pa.array(pixels.reshape(-1))
    for side in reversed(schema.image_shape):
        number //= side
        column = pa.ListArray.from_arrays(pa.array(np.arange(number + 1, dtype=np.int32) * side), column)
    return column


def _pixels(column: Any, schema: Schema) -> npt.NDArray[Any]:
    """The images (N, H, W, C) of a column."""
    if schema.as_png:
        decode = features_of(schema)["image"].decode_example_np
        return np.stack([decode(image["bytes"]) for image in column.to_pylist()])
    number = len(column)
    for _ in schema.image_shape:
        column = column.flatten()
    return column.to_numpy(zero_copy_only=False).reshape(number, *schema.image_shape)
