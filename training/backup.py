"""The backup from which an interrupted training is resumed."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import h5py
import keras

from tf_strattack.programs.notices import notice


class Backup(keras.callbacks.Callback):
    """Saves the weights and the optimizer's state after each epoch, atomically.

    The backup is kept after the last epoch, as later steps can be interrupted too. Keras's `BackupAndRestore` is no
    alternative: it writes over the weights in place, and passes the first epoch to `fit` by a private attribute.
    """

    def __init__(self, directory: Path) -> None:
        """Saves backups to `directory`."""
        super().__init__()
        self._latest = directory / "latest.weights.h5"

    def restore(self, model: keras.Model, steps_per_epoch: int) -> int:
        """Loads the backup, if there is one, into a compiled model; returns the epoch to start with.

        The epoch follows from the optimizer's step count: a separate record of it could contradict the weights.
        """
        if not self._latest.exists():
            return 0
        if not is_whole(self._latest):
            notice(f"{self._latest} is damaged: training starts from the beginning")
            self._latest.unlink()
            return 0
        model.optimizer.build(model.trainable_variables)
        model.load_weights(self._latest)
        return int(model.optimizer.iterations) // steps_per_epoch

    def on_epoch_end(self, epoch: int, logs: Any = None) -> None:
        """Writes the backup."""
        self._latest.parent.mkdir(parents=True, exist_ok=True)
        partial = self._latest.with_name("partial.weights.h5")  # Keras wants this ending
        self.model.save_weights(partial, overwrite=True)
        with partial.open("rb") as file:
            os.fsync(file.fileno())
        partial.replace(self._latest)


def is_whole(path: Path) -> bool:
    """Whether every array of an HDF5 file can be read."""
    try:
        with h5py.File(path) as file:
            file.visititems(_read)
    except Exception:  # a truncated file makes h5py raise exceptions without a common class
        return False
    return True


def _read(name: str, item: Any) -> None:
    if isinstance(item, h5py.Dataset):
        item[()]
