"""TensorBoard event files of attacks: curves over the iterations while they run, and images of the results."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import tensorflow as tf

from tf_strattack import AttackResult, InputError, Progress
from tf_strattack.drawing import displayed, unit_images
from tf_strattack.problem.distortions import CHANGED
from tf_strattack.programs.directories.configuration import not_to_write_in
from tf_strattack.runtime.progress import Callback
from tf_strattack.typing import Images

# Fields of `Progress`. The name of a scalar is the stage and the field, as in "refinement/objective".
SCALARS = ("objective", "success_rate", "kappa", "rho", "c")
EXAMPLES = "examples"
# The number of examples to show per shard, evenly spaced.
_SHOWN = 4


class Summaries:
    """Event files of the shards of a run, one sub-directory of `directory` per shard; none if `directory` is None."""

    def __init__(self, directory: Path | None) -> None:
        """Makes `directory`; event files of earlier runs in it are kept, as their names differ.

        Raises:
          InputError: the directory cannot be made.
        """
        self._directory = directory
        if directory is not None:
            try:
                directory.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise not_to_write_in("--tensorboard_dir", directory, error) from error

    @contextlib.contextmanager
    def shard(self, number: int, callback: Callback) -> Iterator[Shard]:
        """The event files of the shard `number`; its progress is passed on to `callback`."""
        shard = Shard(None if self._directory is None else self._directory / f"shard_{number:05d}", callback)
        try:
            yield shard
        finally:
            shard.close()


class Shard:
    """One shard. TensorBoard shows its batches as the runs `shard_00000`, `shard_00000_batch_1` and so on."""

    def __init__(self, run: Path | None, callback: Callback) -> None:
        """Writes to the directory `run`, and for later batches next to it; progress is also passed to `callback`."""
        self._run = run
        self._callback = callback
        self._writers: dict[int, Any] = {}
        self._last: dict[tuple[int, str], tuple[int, float]] = {}

    def follow(self, progress: Progress) -> None:
        """Writes a point of each curve; a callback for attacks."""
        self._callback(progress)
        batch, step = progress.batch, progress.iterations
        values = {f"{progress.stage}/{name}": getattr(progress, name) for name in SCALARS}
        # The last report of a batch repeats the values of an iteration, unless the verification has changed them.
        points = {
            tag: value
            for tag, value in values.items()
            if value is not None and self._last.get((batch, tag)) != (step, value)
        }

        def write() -> None:
            for tag, value in points.items():
                tf.summary.scalar(tag, value, step=step)
                self._last[batch, tag] = step, value

        self._write(batch, write)

    def show(self, result: AttackResult) -> None:
        """Writes some examples of the shard's result: original, perturbation on grey, adversarial image."""
        chosen = np.unique(np.linspace(0, len(result) - 1, _SHOWN).round().astype(int))
        ids = np.arange(len(result)) if result.example_ids is None else result.example_ids
        names = [f"{ids[index]}{'' if result.success[index] else ' (failed)'}" for index in chosen]

        def write() -> None:
            tf.summary.image(
                EXAMPLES,
                np.stack([_side_by_side(result, index) for index in chosen]),
                step=0,
                max_outputs=_SHOWN,
                description=f"original, perturbation on grey, adversarial image of {', '.join(names)}",
            )

        self._write(0, write)

    def close(self) -> None:
        """Closes the event files."""
        for writer in self._writers.values():
            with contextlib.suppress(tf.errors.OpError):  # the last `_write` has reported it
                writer.close()

    def _write(self, batch: int, write: Callable[[], None]) -> None:
        if self._run is None:
            return
        run = self._run.with_name(f"{self._run.name}_batch_{batch}") if batch else self._run
        # Converted here, as the caller takes TensorFlow's errors for those of an attack: a full disk raises
        # ResourceExhaustedError, which would mean too little memory.
        try:
            if batch not in self._writers:
                self._writers[batch] = tf.summary.create_file_writer(str(run))
            with self._writers[batch].as_default():
                write()
            self._writers[batch].flush()
        except tf.errors.OpError as error:
            raise InputError(
                f"expected --tensorboard_dir to be a directory to write in, received {run}: {error.message}"
            ) from error


def _side_by_side(result: AttackResult, index: int) -> Images:
    """An example's original, perturbation (grey is no change, scaled per example) and adversarial image in a row."""
    original, adversarial = unit_images(result, index)
    delta = result.delta[index]
    limit = max(float(np.abs(delta).max()), CHANGED)
    parts = [displayed(image) for image in (original, 0.5 + 0.5 * delta / limit, adversarial)]
    row: Images = np.concatenate(parts, axis=1)
    return row[..., None] if row.ndim == 2 else row
