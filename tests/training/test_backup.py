"""A training is resumed from its backup, which is intact or missing."""

import h5py
import keras
import numpy as np
import pytest

from tests.slow import first_quick
from training.backup import Backup, is_whole

STEPS = 3


class Killed(RuntimeError):
    pass


class KillAt(keras.callbacks.Callback):
    """Ends a training at the start of an epoch, as a kill would, and counts the epochs that it saw begin."""

    def __init__(self, epoch=None):
        super().__init__()
        self.fatal, self.begun = epoch, []

    def on_epoch_begin(self, epoch, logs=None):
        if epoch == self.fatal:
            raise Killed
        self.begun.append(epoch)


def train(directory, kill=None, epochs=4):
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(3)])
    model.compile(keras.optimizers.Adam(0.1), "mse")
    rng = np.random.default_rng(0)
    callback, backup = KillAt(kill), Backup(directory)
    model.fit(
        rng.normal(size=(12, 2)),
        rng.normal(size=(12, 3)),
        batch_size=4,
        epochs=epochs,
        shuffle=False,
        verbose=0,
        initial_epoch=backup.restore(model, STEPS),
        callbacks=[backup, callback],
    )
    assert int(model.optimizer.iterations) == epochs * STEPS
    return model.get_weights(), callback.begun


@pytest.fixture
def stopped(tmp_path):
    """The backup of a training that was killed at the start of its third epoch."""
    with pytest.raises(Killed):
        train(tmp_path / "backup", kill=2)
    return tmp_path / "backup"


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    return train(tmp_path_factory.mktemp("whole") / "backup")[0]


def test_it_resumes_where_it_was(stopped, whole):
    weights, begun = train(stopped)
    assert begun == [2, 3]
    np.testing.assert_equal(weights, whole)


@pytest.mark.parametrize("part", first_quick([0.0, 0.7, 0.3, 0.99], 2))
def test_with_no_whole_backup_it_begins_again_and_says_so(part, stopped, whole, capsys):
    latest = stopped / "latest.weights.h5"
    content = latest.read_bytes()
    latest.write_bytes(content[: int(part * len(content))])
    weights, begun = train(stopped)
    assert begun == [0, 1, 2, 3]
    np.testing.assert_equal(weights, whole)
    assert "is damaged: training starts from the beginning" in capsys.readouterr().err


def test_a_backup_that_was_being_written_does_not_count(stopped, whole):
    (stopped / "partial.weights.h5").write_bytes(b"cut off")
    weights, begun = train(stopped)
    assert begun == [2, 3]
    np.testing.assert_equal(weights, whole)
    assert [path.name for path in stopped.iterdir()] == ["latest.weights.h5"]


def test_a_training_that_was_stopped_after_its_last_epoch_is_finished(tmp_path, whole):
    train(tmp_path / "backup")
    weights, begun = train(tmp_path / "backup")
    assert begun == []
    np.testing.assert_equal(weights, whole)


def test_every_array_is_read_also_behind_a_scalar(tmp_path):
    path = tmp_path / "weights.h5"
    with h5py.File(path, "w") as file:
        file["a"] = 3
        file.create_dataset("b", data=np.arange(50_000), chunks=(50_000,), compression="gzip")
        place = file["b"].id.get_chunk_info(0)
    assert is_whole(path)
    content = bytearray(path.read_bytes())
    content[place.byte_offset : place.byte_offset + place.size] = bytes(place.size)
    path.write_bytes(content)
    assert not is_whole(path)
