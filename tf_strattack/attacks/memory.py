"""The batch that fits: the measured memory of a network's gradient, compared with the free memory."""

from __future__ import annotations

import functools
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import tensorflow as tf

from tf_strattack.errors import InputError
from tf_strattack.problem.batch import Batch
from tf_strattack.problem.goals.base import Goal
from tf_strattack.runtime import devices
from tf_strattack.runtime.causes import out_of_memory
from tf_strattack.runtime.rows import pad_rows
from tf_strattack.typing import Images

# The share of the free memory that a batch may take, and the number of the loop's tensors, each as large as the images.
_SHARE, _STATE_TENSORS = 0.7, 16
_SAMPLE_SECONDS = 0.002
# Where a container's limits are, in the two versions of control groups: limit, use, statistics.
_CGROUP = Path("/sys/fs/cgroup")
_CGROUP_FILES = (
    ("memory.max", "memory.current", "memory.stat"),
    ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes", "memory/memory.stat"),
)


def usual_batch_size(goal: Goal, shape: tuple[int, ...]) -> int:
    """The batch size for images (H, W, C) if the caller names none: smaller for a goal with many rows per example."""
    return max(1, devices.default_batch_size(shape) // goal.width)


def fitting_batch_size(goal: Goal, images: Images) -> int:
    """The usual batch size for images (N, H, W, C), or less where memory does not allow it: `batch_size="auto"`.

    The goal's gradient is computed for more and more rows, twice as many each time, until the next doubling would take
    more than 70 % of the free memory or the device refuses. Each goal and image shape is measured once.

    Raises:
      InputError: not even the fewest rows fit.
    """
    key = "fitting_batch_size", goal.identity, images.shape[1:]
    return int(goal.classifier.remembered(key, lambda: _measure(goal, images[:1])))


def _measure(goal: Goal, image: Images) -> int:
    shape = image.shape[1:]
    most, fitting, per_row = usual_batch_size(goal, shape), 0, 0.0
    rows = devices.padded(1, shape)
    # One class per row is enough, or as many as the goal needs.
    classes = np.zeros((1, goal.columns) if goal.columns else 1, np.int32)
    everywhere = np.ones((1, 1, 1, 1), np.float32)

    def gradient(delta: tf.Tensor, batch: Batch) -> tf.Tensor:
        return goal.margin_and_gradient(batch, delta)[1]

    while True:
        padded = pad_rows(image, rows), pad_rows(classes, rows)
        places = np.zeros(rows, np.int32)
        batch = Batch.build(goal.classifier.bounds, *padded, everywhere, epsilon=None, positions=places)
        delta = tf.zeros_like(batch.images)
        free = _free_bytes()
        program = goal.program("memory", gradient, delta, batch)
        try:
            taken = _peak_growth(functools.partial(program, delta, batch))
        except Exception as error:
            if not out_of_memory(error):
                raise
            if not fitting:
                raise no_room(shape) from error
            return fitting
        fitting = rows
        # Memory that the process has kept from before hides a part of the need, so the largest measurement counts.
        per_row = max(per_row, taken / rows)
        state = _STATE_TENSORS * 4 * int(np.prod(shape))
        if fitting >= most or 2 * rows * (per_row + state) > _SHARE * free:
            return min(fitting, most)
        rows = 2 * rows


def no_room(shape: tuple[int, ...]) -> InputError:
    """The error if not even the smallest batch of (H, W, C) images fits."""
    return InputError(
        f"not enough memory for a gradient of this network on images of shape {shape}, at any batch size: free some, "
        "or use a larger machine"
    )


def _peak_growth(work: Callable[[], Any]) -> int:
    """The largest growth of this process's memory during `work`, in bytes; on a GPU, of the GPU's memory."""
    gpus = tf.config.list_logical_devices("GPU")
    if gpus:
        before = tf.config.experimental.get_memory_info("GPU:0")["current"]
        tf.config.experimental.reset_memory_stats("GPU:0")
        tf.nest.map_structure(lambda part: part.numpy(), work())
        return int(tf.config.experimental.get_memory_info("GPU:0")["peak"] - before)
    process, done = psutil.Process(), threading.Event()
    before = peak = process.memory_info().rss

    def sample() -> None:
        nonlocal peak
        while not done.wait(_SAMPLE_SECONDS):
            peak = max(peak, process.memory_info().rss)

    sampler = threading.Thread(target=sample, daemon=True)
    sampler.start()
    try:
        work()
    finally:
        done.set()
        sampler.join()
    return peak - before


def _free_bytes() -> float:
    """The free memory of the machine, or of the process's container; no limit for a GPU, which refuses by itself."""
    if tf.config.list_logical_devices("GPU"):
        return float("inf")
    free = float(psutil.virtual_memory().available)
    for limit, used, cache in _CGROUP_FILES:
        try:
            most = (_CGROUP / limit).read_text().strip()
            held = float((_CGROUP / used).read_text())
            statistics = dict(line.split() for line in (_CGROUP / cache).read_text().splitlines())
        except OSError:  # no such limits here
            continue
        if most != "max":
            # The cache of files counts as used, but can be dropped.
            free = min(free, float(most) - held + float(statistics.get("inactive_file", 0)))
    return free
