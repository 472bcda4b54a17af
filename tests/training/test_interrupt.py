"""Ctrl-C is handled between two steps, and Python's own handler is restored afterwards."""

import os
import signal

import keras
import numpy as np
import pytest

from training.interrupt import ctrl_c_between_steps


@pytest.fixture
def answering():
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


class PressAt(keras.callbacks.Callback):
    """Presses Ctrl-C at the start of the third step."""

    def __init__(self):
        super().__init__()
        self.begun = self.ended = 0

    def on_train_batch_begin(self, batch, logs=None):
        self.begun += 1
        if self.begun == 3:
            os.kill(os.getpid(), signal.SIGINT)

    def on_train_batch_end(self, batch, logs=None):
        self.ended += 1


@pytest.mark.usefixtures("answering")
def test_the_step_is_finished_first():
    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    press = PressAt()
    with pytest.raises(KeyboardInterrupt), ctrl_c_between_steps() as stop:
        model.fit(np.ones((20, 2)), np.ones(20), batch_size=2, verbose=0, callbacks=[press, stop])
    assert (press.begun, press.ended) == (3, 3)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


@pytest.mark.usefixtures("answering")
def test_a_second_ctrl_c_does_not_wait():
    with pytest.raises(KeyboardInterrupt), ctrl_c_between_steps():
        os.kill(os.getpid(), signal.SIGINT)
        os.kill(os.getpid(), signal.SIGINT)
