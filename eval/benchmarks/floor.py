"""The floor: the time of a forward pass, and of a gradient of the margin, of the bare network.

The network is called with exactly the given number of rows, without the padding of the library's own calls.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import tensorflow as tf
from tqdm import tqdm

from tf_strattack.losses import margin

from .nets import Net

KINDS = ("gradient", "forward")
# One of each in the same step of a loop: the two overlap, and take less time than in separate loops.
PAIR = "pair"
COLUMNS = ("net", "kind", "rows", "milliseconds", "milliseconds_per_example")

# A floor in the table is timed with so many calls, or fewer for slow networks.
_CALLS, _MIN_CALLS, _SECONDS = 100, 3, 1.0


# Each call moves the images by this share of its result, so that the compiler cannot leave out any call.
_MOVE = 1e-9


class Time(NamedTuple):
    """Wall-clock time, and processor time over all threads of this process, in milliseconds."""

    wall: float
    cpu: float


def timed(function: Callable[[], Any]) -> tuple[Time, Any]:
    """Calls `function`; returns its time and its value."""
    wall, cpu = time.perf_counter(), time.process_time()
    value = function()
    return Time(1000 * (time.perf_counter() - wall), 1000 * (time.process_time() - cpu)), value


class Floor:
    """Times the network of a `Net`, compiled once for any number of rows."""

    def __init__(self, net: Net) -> None:
        """Compiles loops to time, as in attacks, since a call from Python has a cost of its own."""
        self._net = net
        classifier = net.classifier

        def gradient(images: tf.Tensor, classes: tf.Tensor) -> tf.Tensor:
            with tf.GradientTape() as tape:
                tape.watch(images)
                margins = margin(classifier.logits(images), classes, targeted=True)
            return tape.gradient(margins, images)

        def forward(images: tf.Tensor, classes: tf.Tensor) -> tf.Tensor:
            return classifier.logits(images)[:, :1, None, None]

        def pair(images: tf.Tensor, classes: tf.Tensor) -> tf.Tensor:
            return gradient(images, classes) + forward(images, classes)

        def program(kind: str, call: Callable[[tf.Tensor, tf.Tensor], tf.Tensor]) -> Callable[..., tf.Tensor]:
            def loop(images: tf.Tensor, classes: tf.Tensor, calls: tf.Tensor) -> tf.Tensor:
                def body(number: tf.Tensor, images: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
                    return number + 1, images + _MOVE * call(images, classes)

                start = (tf.constant(0), images)
                return tf.while_loop(lambda number, _: number < calls, body, start, parallel_iterations=1)[1]

            return classifier.program(("floor", kind), loop, *self._arguments(1), tf.constant(0))

        functions = {"gradient": gradient, "forward": forward, PAIR: pair}
        self._programs = {kind: program(kind, function) for kind, function in functions.items()}

    def time(self, kind: str, rows: int, calls: int) -> Time:
        """The mean time of a call (of `KINDS`, or `PAIR`) on `rows` rows, over `calls` calls after a warm-up."""
        arguments = self._arguments(rows)
        self._run(kind, arguments, 1)
        total, _ = timed(lambda: self._run(kind, arguments, calls))
        return Time(*(part / calls for part in total))

    def measure(self, kind: str, rows: int) -> float:
        """The time of a call in milliseconds, over enough calls for a stable mean."""
        once = self.time(kind, rows, _MIN_CALLS).wall / 1000
        return self.time(kind, rows, max(_MIN_CALLS, min(_CALLS, int(_SECONDS / once)))).wall

    def _run(self, kind: str, arguments: tuple[tf.Tensor, tf.Tensor], calls: int) -> None:
        self._programs[kind](*arguments, tf.constant(calls)).numpy()  # waits until the device has finished

    def _arguments(self, rows: int) -> tuple[tf.Tensor, tf.Tensor]:
        images, _, targets = self._net.examples(rows)
        return tf.constant(images), tf.constant(targets, tf.int32)


def measure_floors(nets: Sequence[Net], batch_sizes: Sequence[int]) -> list[dict[str, Any]]:
    """Times every net at every batch size; a row for each kind of call."""
    points = [(net, kind, rows) for net in nets for kind in KINDS for rows in batch_sizes]
    floors = {net.name: Floor(net) for net in nets}
    measured = []
    for net, kind, rows in tqdm(points, desc="floor", leave=False):
        milliseconds = floors[net.name].measure(kind, rows)
        measured.append(
            {
                "net": net.name,
                "kind": kind,
                "rows": rows,
                "milliseconds": milliseconds,
                "milliseconds_per_example": milliseconds / rows,
            }
        )
    return measured
