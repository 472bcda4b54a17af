"""A run in its directory: configuration, one file a shard, and the way on after an interruption."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from tf_strattack import Attack, AttackResult, Classifier
from tf_strattack.programs.directories.configuration import claim
from tf_strattack.programs.directories.layouts import PARTS
from tf_strattack.runtime.progress import Callback

from .bar import Bar
from ..inputs.examples import Examples
from .tensorboard import Summaries

_PARTS = "parts"


class Run:
    """The directory of one run; at most the shard in flight is lost when it is stopped.

    Attributes:
      directory: where everything goes.
    """

    def __init__(self, directory: Path, configuration: dict[str, Any], *, program: str, overwrite: bool) -> None:
        """Opens `directory` for a run of `configuration` by `program`, new or to be resumed.

        Raises:
          InputError: the directory holds a run of another configuration (shown), and `overwrite` is off, or
            it holds something that is not a run.
        """
        self.directory = directory
        self._parts = directory / _PARTS
        claim(directory, configuration, program=program, flag="--output_dir", overwrite=overwrite)
        self._parts.mkdir(exist_ok=True)

    def attack(
        self,
        attack: Attack,
        classifier: Classifier,
        shards: Iterable[Examples],
        total: int | None,
        *,
        batch_size: int | str | None = None,
        summaries: Summaries,
    ) -> None:
        """Attacks every shard that has no file yet, with a progress bar of `total` examples (None: unknown).

        A shard is attacked `batch_size` examples at a time, as attacks take it, and `summaries` hears of it.

        Raises:
          KeyboardInterrupt: at Ctrl-C, after which the finished shards are on disk.
        """
        with Bar(total) as bar:
            for number, shard in enumerate(shards):
                result = self._shard(number, shard, attack, classifier, batch_size, bar.follow, summaries)
                bar.add(len(result), int(result.success.sum()))

    def _shard(
        self,
        number: int,
        shard: Examples,
        attack: Attack,
        classifier: Classifier,
        batch_size: int | str | None,
        callback: Callback,
        summaries: Summaries,
    ) -> AttackResult:
        path = self._parts / f"{number:05d}.npz"
        if path.exists():
            return AttackResult.load(path)
        with summaries.shard(number, callback) as told:
            result = attack(
                classifier, shard.images, shard.labels, shard.targets, batch_size=batch_size, callback=told.follow
            )
            if result.interrupted:
                raise KeyboardInterrupt
            result = dataclasses.replace(result, example_ids=shard.example_ids)
            result.save(path)
            told.show(result)
        return result

    def results(self) -> Iterator[AttackResult]:
        """The finished shards, in order, one at a time."""
        return results_in(self.directory)


def results_in(directory: Path) -> Iterator[AttackResult]:
    """The finished shards of the run in `directory`, in order, one at a time."""
    return map(AttackResult.load, _parts_in(directory / _PARTS))


def _parts_in(folder: Path) -> list[Path]:
    """The files of finished shards, in order; others' files may lie beside them."""
    paths = [path for path in folder.glob("*.npz") if PARTS.owns(path)]
    return sorted(paths, key=lambda path: int(path.stem))
