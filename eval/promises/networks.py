"""The networks to try: the one of --model, or the shipped ones."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from absl import flags as absl_flags

from tf_strattack import InputError, shipped

from .. import flags
from ..inputs.datasets import Data, Record
from ..inputs.from_flags import data_from_flags, model_options
from ..inputs.models import load_model
from ..pipeline import read_flags, setting_of
from ..runs.setting import Setting

# The value of --model for all shipped networks.
SHIPPED = "shipped"
_SAMPLE = "sample"
_OF_ONE = ("weights", "bounds", "data_format", "model_options", "dataset", "split", "resize")
# Images for a network without shipped ones: smooth patterns, from a grid of so many random numbers per side.
_GRID, _PATTERNS = 4, 100


class Tried(NamedTuple):
    """A network with its setting, and whether its owner calls it with images as they are."""

    setting: Setting
    plain: bool


def networks() -> Iterator[Tried]:
    """The settings to try, one after the other.

    Raises:
      InputError: flags that do not fit.
    """
    if flags.MODEL.value != SHIPPED:
        plain = not model_options() and flags.WEIGHTS.value is None
        yield Tried(read_flags(flags.DATASET.value, flags.SPLIT.value), plain)
        return
    for name in _OF_ONE:
        if absl_flags.FLAGS[name].present:
            raise InputError(f"expected --{name} with --model=NAME, received it with the shipped networks")
    for name in shipped.NETWORKS:
        model = load_model(name, (0.0, 1.0))
        shape = model.classifier.image_shape
        sample = shipped.load_sample().images.shape[1:]
        if shape == sample:
            yield Tried(setting_of(model, data_from_flags(shape), _SAMPLE, own_labels=False), True)
        else:
            data = _patterns(tuple(size or 1 for size in shape or sample))
            yield Tried(setting_of(model, data, "patterns", own_labels=True), True)


def _patterns(shape: tuple[int, ...]) -> Data:
    """Made-up images of `shape` (H, W, C), which the network itself labels."""
    height, width, channels = shape

    def image(position: int) -> np.ndarray:
        grid = np.random.default_rng(position).uniform(size=(_GRID, _GRID, channels))
        down, across = (np.linspace(0, _GRID - 1, size) for size in (height, width))
        return np.stack([_stretched(grid[..., channel], down, across) for channel in range(channels)], axis=-1)

    def records_from(start: int) -> Iterator[Record]:
        for position in range(start, _PATTERNS):
            yield Record(f"pattern_{position}", image(position).astype(np.float32), 0, position)

    return Data(records_from, f"{_PATTERNS} patterns of {shape}", {}, _PATTERNS)


def _stretched(grid: np.ndarray, down: np.ndarray, across: np.ndarray) -> np.ndarray:
    """The values of `grid` between its points, linearly."""
    places = np.arange(_GRID)
    rows = np.stack([np.interp(across, places, row) for row in grid])
    return np.stack([np.interp(down, places, column) for column in rows.T], axis=-1)
