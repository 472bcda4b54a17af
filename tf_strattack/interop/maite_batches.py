"""Batches of MAITE as arrays of the library: images, labels, and targets that do not depend on the batch."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from tf_strattack.classifiers.classifier import Classifier
from tf_strattack.errors import InputError
from tf_strattack.interop import aims
from tf_strattack.typing import Classes, Images, Places


class Examples(NamedTuple):
    """The N images of a batch, (N, H, W, C), with labels and targets (N,); targets are None if there are none."""

    images: Images
    labels: Classes
    targets: Classes | None

    @property
    def attacked(self) -> Places:
        """The rows that are attacked: those that are not of their target's class."""
        every = np.arange(len(self.images))
        return every if self.targets is None else every[self.targets != self.labels]


def examples_of(batch: Any, classifier: Classifier, targets: str | int | None, seed: int) -> Examples:
    """The arrays of a batch of MAITE, a tuple of images, targets and metadata, after checks.

    Args:
      batch: as `StructuredAttack` is called with.
      classifier: the network.
      targets: the rule for targets.
      seed: the seed of random targets.
    """
    inputs, scores, metadata = batch
    if not len(inputs) == len(scores) == len(metadata):
        raise InputError(
            "expected as many targets and metadata as images, received "
            f"{len(inputs)} images, {len(scores)} targets and {len(metadata)} metadata"
        )
    for datum in metadata:
        if not isinstance(datum, Mapping) or "id" not in datum:
            raise InputError(f'expected metadata with an "id" for each image, received {datum!r}')
    images = channels_last(inputs, classifier)
    classifier.prepare(images)  # finds the number of classes
    labels = _labels(scores, classifier.num_classes or 0)
    numbers = [_number(datum["id"]) for datum in metadata]
    return Examples(images, labels, aims.targets_of("targets", targets, classifier, images, labels, numbers, seed))


def channels_last(inputs: Sequence[npt.ArrayLike], classifier: Classifier) -> Images:
    """Images (C, H, W) as float32 (N, H, W, C) for the classifier."""
    arrays = [np.asarray(image) for image in inputs]
    shapes = {array.shape for array in arrays}
    if len(shapes) > 1:
        raise InputError(
            f"expected images of one shape in a batch, received {', '.join(map(str, sorted(shapes)))}: batch_size=1"
        )
    known = classifier.image_shape
    (shape,) = shapes or {()}
    fits = len(shape) == 3 and (known is None or _fits((*shape[1:], shape[0]), known))
    if not fits:
        wanted = "" if known is None else f", here ({', '.join(map(_size, (known[2], *known[:2])))})"
        raise InputError(f"expected images (C, H, W){wanted}, received {shape}")
    return np.stack(arrays).transpose(0, 2, 3, 1).astype(np.float32)


def in_floats(original: npt.ArrayLike, adversarial: Images | None = None) -> npt.NDArray[Any]:
    """An image (C, H, W) in the precision of the original, at least float32: that one, or `adversarial` (H, W, C)."""
    array = np.asarray(original)
    image = array if adversarial is None else adversarial.transpose(2, 0, 1)
    return np.ascontiguousarray(image, np.result_type(array.dtype, np.float32))


def _fits(shape: tuple[int, ...], known: tuple[int | None, ...]) -> bool:
    return all(size is None or size == own for own, size in zip(shape, known, strict=True))


def _size(size: int | None) -> str:
    return "any" if size is None else str(size)


def _labels(scores: Sequence[npt.ArrayLike], classes: int) -> Classes:
    """The class of the largest score of each target."""
    arrays = [np.asarray(one) for one in scores]
    wrong = next((array for array in arrays if array.shape != (classes,) or array.dtype.kind not in "fiub"), None)
    if wrong is not None:
        raise InputError(
            f"expected targets of shape ({classes},), a score for each class, received {wrong.dtype} {wrong.shape}: "
            f"np.eye({classes})[label]"
        )
    return np.array([array.argmax() for array in arrays], np.int32)


def _number(name: Any) -> int:
    """The number by which the datum `name` draws its target, whatever batch it is in."""
    whole = isinstance(name, int | np.integer) and name >= 0
    return int(name) if whole else int.from_bytes(hashlib.sha256(str(name).encode()).digest())
