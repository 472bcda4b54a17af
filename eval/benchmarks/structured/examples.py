"""The examples of a net: their keys in the envelope, and the measures of images for them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from tf_strattack import StrAttack, metrics
from tf_strattack.problem.groups import as_structure
from tf_strattack.typing import Flags, Images, Places

from ..nets import Net
from .entries import Entries, Entry, Key, agrees, hash_of
from .series import Series

Values = npt.NDArray[np.floating]

# The last is what StrAttack minimises by default: gamma ||delta||_2^2 + tau sum_i ||delta_{D_i}||_2.
MEASURES = ("nonzero_groups", "acp", "anc", "d20", "l2", "objective")


class Examples:
    """The examples of a net, with the groups of StrAttack by default."""

    def __init__(self, net: Net) -> None:
        """Hashes the images."""
        self._net, self._attack = net, StrAttack()
        self._groups = as_structure(self._attack.groups)
        self._network, self._structure = net.identity, repr(self._groups)
        self._images = [hash_of(image) for image in net.images]

    def measure(self, places: Places, adversarial: Images) -> dict[str, Values]:
        """The `MEASURES`, (M,) each, of images (M, H, W, C) for the examples at `places` (M,)."""
        low, high = self._net.classifier.bounds
        delta = ((adversarial - self._net.images[places]) / (high - low)).astype(np.float32)
        measured = metrics.measure(delta, groups=self._groups)
        measured["objective"] = self._attack.objective(*delta.shape[1:3]).cost(tf.constant(delta)).numpy()
        return {name: measured[name] for name in MEASURES}

    def keys(self, number: int) -> list[Key]:
        """The keys of the first `number` examples."""
        places = range(min(number, len(self._images)))
        return [self._key(place, name) for place in places for name in MEASURES]

    def entries(self, series: Series) -> Entries:
        """The successes of a series."""
        values = self.measure(series.places, series.adversarial)
        return {
            self._key(series.places[row], name): Entry(
                float(values[name][row]), series.adversarial[row], series.found_by
            )
            for row in np.flatnonzero(series.success)
            for name in MEASURES
        }

    def held(self, entries: Mapping[Key, Entry]) -> set[Key]:
        """The entries that hold: within the bounds, successful on the network, and of the value they state."""
        places = {self._key(place, name): place for place in range(len(self._images)) for name in MEASURES}
        shape, (low, high) = self._net.images.shape[1:], self._net.classifier.bounds
        valid = {
            key: entry
            for key, entry in entries.items()
            if entry.adversarial.shape == shape and ((entry.adversarial >= low) & (entry.adversarial <= high)).all()
        }
        if not valid:
            return set()
        rows = np.array([places[key] for key in valid])
        images = np.stack([entry.adversarial for entry in valid.values()])
        success = self._net.classifier.fooled_by(images, self._net.labels[rows], self._net.targets[rows])
        values = self.measure(rows, images)
        return {
            key
            for row, (key, entry) in enumerate(valid.items())
            if success[row] and agrees(entry, float(values[key.measure][row]))
        }

    def best(self, entries: Entries, places: Places, measure: str) -> tuple[Values, Flags]:
        """The least known values of the examples at `places` (M,) that have one, and which of them these are, (M,)."""
        found = [entries.get(self._key(place, measure)) for place in places]
        least = np.array([entry.value for entry in found if entry is not None])
        return least, np.array([entry is not None for entry in found])

    def _key(self, place: int, measure: str) -> Key:
        return Key(self._network, self._images[place], int(self._net.targets[place]), self._structure, measure)
