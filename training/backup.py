"""The backup from which a stopped training goes on."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import h5py
import keras

from tf_strattack.programs.directories.layouts import BACKUP
from tf_strattack.programs.directories.removal import remove


class Backup(keras.callbacks.BackupAndRestore):
    """Keras's backup after each epoch, made safe against a kill in the middle of writing one.

    Keras writes over the weights and then, apart, the number of the epoch. So files that were cut off give way to the
    backup before, and the epoch comes from the optimizer's count of steps, which is in the weights' file.
    """

    def __init__(self, directory: Path, steps_per_epoch: int) -> None:
        """Backs up to `directory` a training of `steps_per_epoch` steps an epoch."""
        # Kept after the last epoch too, until the whole task is done: what follows can be stopped as well.
        super().__init__(str(directory), double_checkpoint=True, delete_checkpoint=False)
        self._directory, self._steps = directory, steps_per_epoch

    def on_train_begin(self, logs: Any = None) -> None:
        """Restores the last whole backup, if there is one."""
        latest = self._directory / "latest.weights.h5"
        before = latest.with_name(latest.name + ".bkp")
        if latest.exists() and not is_whole(latest):
            if before.exists() and is_whole(before):
                before.replace(latest)
            else:
                remove(self._directory, BACKUP)
        metadata = self._directory / "training_metadata.json"
        if metadata.exists() and not _is_json(metadata):
            metadata.unlink()
        super().on_train_begin(logs)
        # Where Keras keeps the epoch that it has restored.
        self.model._initial_epoch = int(self.model.optimizer.iterations) // self._steps


def is_whole(path: Path) -> bool:
    """Whether every array of an HDF5 file can be read."""
    try:
        with h5py.File(path) as file:
            file.visititems(_read)
    except Exception:  # h5py has no common kind for what a cut-off file makes it raise
        return False
    return True


def _read(name: str, item: Any) -> None:
    if isinstance(item, h5py.Dataset):
        item[()]


def _is_json(path: Path) -> bool:
    try:
        json.loads(path.read_text())
    except ValueError:
        return False
    return True
