"""A backup that was cut off, in whatever file, costs an epoch at most."""

import keras
import numpy as np
import pytest

from training.backup import Backup

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
    callback = KillAt(kill)
    model.fit(
        rng.normal(size=(12, 2)), rng.normal(size=(12, 3)), batch_size=4, epochs=epochs, shuffle=False, verbose=0,
        callbacks=[Backup(directory, STEPS), callback],
    )  # fmt: skip
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


def test_it_goes_on_where_it_was_and_leaves_nothing(stopped, whole):
    weights, begun = train(stopped)
    assert begun == [2, 3]
    np.testing.assert_equal(weights, whole)
    assert not stopped.exists()


@pytest.mark.parametrize("part", [0.0, 0.3, 0.7, 0.99])
def test_weights_that_were_cut_off_give_way_to_the_backup_before(part, stopped, whole):
    latest = stopped / "latest.weights.h5"
    content = latest.read_bytes()
    latest.write_bytes(content[: int(part * len(content))])
    weights, begun = train(stopped)
    assert begun == [1, 2, 3]
    np.testing.assert_equal(weights, whole)


def test_with_no_whole_backup_it_starts_again(stopped, whole):
    for name in ("latest.weights.h5", "latest.weights.h5.bkp"):
        (stopped / name).write_bytes(b"")
    weights, begun = train(stopped)
    assert begun == [0, 1, 2, 3]
    np.testing.assert_equal(weights, whole)


@pytest.mark.parametrize("content", ["", '{"epo', '{"epoch": 1, "batch": 0}', None])
def test_the_epoch_comes_from_the_weights_and_not_from_the_file_beside_them(content, stopped, whole):
    metadata = stopped / "training_metadata.json"
    metadata.unlink() if content is None else metadata.write_text(content)
    weights, begun = train(stopped)
    assert begun == [2, 3]
    np.testing.assert_equal(weights, whole)


def test_a_training_that_was_killed_after_its_last_epoch_is_finished(stopped, whole):
    class KillAtTheEnd(Backup):
        def on_train_end(self, logs=None):
            raise Killed

    original = Backup.on_train_end
    try:
        Backup.on_train_end = KillAtTheEnd.on_train_end
        with pytest.raises(Killed):
            train(stopped)
    finally:
        Backup.on_train_end = original
    weights, begun = train(stopped)
    assert begun == []
    np.testing.assert_equal(weights, whole)
