"""Ctrl-C during training, handled between two steps."""

from __future__ import annotations

import contextlib
import signal
import threading
from collections.abc import Iterator
from typing import Any

import keras


class _StopBetweenSteps(keras.callbacks.Callback):
    """Raises KeyboardInterrupt after the step in which Ctrl-C was pressed."""

    pressed = False

    def on_train_batch_end(self, batch: int, logs: Any = None) -> None:
        """After a step of training."""
        if self.pressed:
            raise KeyboardInterrupt

    def on_test_batch_end(self, batch: int, logs: Any = None) -> None:
        """After a step of validation."""
        self.on_train_batch_end(batch)


@contextlib.contextmanager
def ctrl_c_between_steps() -> Iterator[keras.callbacks.Callback]:
    """Yields a callback for `fit` that delays Ctrl-C to the end of a step; a second Ctrl-C takes effect at once.

    Python raises an exception immediately, which can abort the process inside TensorFlow's compiled code.
    """
    callback = _StopBetweenSteps()
    before = signal.getsignal(signal.SIGINT)

    def note(number: int, frame: Any) -> None:
        callback.pressed = True
        signal.signal(signal.SIGINT, before)

    # Only the main thread may set handlers. A job in the background of a shell ignores Ctrl-C; it still should.
    if threading.current_thread() is not threading.main_thread() or not callable(before):
        yield callback
        return
    signal.signal(signal.SIGINT, note)
    try:
        yield callback
    finally:
        signal.signal(signal.SIGINT, before)
