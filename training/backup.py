"""The backup from which a stopped training is resumed."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import h5py
import keras

from tf_strattack.programs.notices import notice


class Backup(keras.callbacks.Callback):
    """Keeps the weights, the optimizer's too, after each epoch, in a file that is whole or not there.

    It stays after the last epoch: what follows can be stopped as well. Keras's `BackupAndRestore` writes over the
    weights, and tells `fit` where to begin by a private attribute.
    """

    def __init__(self, directory: Path) -> None:
        """Backs up to `directory`."""
        super().__init__()
        self._latest = directory / "latest.weights.h5"

    def restore(self, model: keras.Model, steps_per_epoch: int) -> int:
        """Loads the weights of the backup into a compiled model, if there is one; returns the epoch to begin with.

        The epoch is not written apart, where it could contradict the weights: it comes from the optimizer's steps.
        """
        if not self._latest.exists():
            return 0
        if not is_whole(self._latest):
            notice(f"{self._latest} is not as it was written: the training begins again")
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
    except Exception:  # h5py has no common kind for what a cut-off file makes it raise
        return False
    return True


def _read(name: str, item: Any) -> None:
    if isinstance(item, h5py.Dataset):
        item[()]
