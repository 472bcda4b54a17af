"""The formats in which a run stores its examples: a folder of shards for each."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol

from tf_strattack import InputError
from tf_strattack.programs.directories.layouts import Folder

from . import parquet_directory, tfds_directory
from .rows import Row, Schema, ShardFile

TFDS, PARQUET = "tfds", "parquet"


class Format(Protocol):
    """What a module of a format offers.

    Attributes:
      FOLDER: the folder of the shards within the directory of a run.
      LAYOUT: the names of the files in it.
      INFO: the names of those that are made from the shards.
    """

    FOLDER: str
    LAYOUT: Folder
    INFO: tuple[str, ...]

    def shard_name(self, number: int, shards: int) -> str:
        """The file name of a shard."""

    def write_shard(self, path: Path, schema: Schema, rows: Iterable[Row]) -> None:
        """Writes a shard and flushes it to the disk; equal rows give equal bytes."""

    def read_shard(self, path: Path, schema: Schema) -> Iterator[Row]:
        """The examples of a shard, equal to those that were written."""

    def write_info(
        self, directory: Path, schema: Schema, shards: Sequence[ShardFile], facts: Mapping[str, Any]
    ) -> None:
        """Writes the files that describe the shards in `directory`."""


# The first of a run's formats is the one that is read.
FORMATS: dict[str, Format] = {TFDS: tfds_directory, PARQUET: parquet_directory}


def require_formats(names: Iterable[str]) -> None:
    """Refuses formats for which a package is missing.

    Raises:
      InputError: such a format.
    """
    if PARQUET in names and importlib.util.find_spec("pyarrow") is None:
        raise InputError('expected pyarrow for Parquet files, received none: pip install "tf-strattack[parquet]"')
