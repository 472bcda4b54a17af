"""The classes for a targeted attack to reach: drawn at random, or the least likely ones.

Attacks take `targets` (N,), one for each image. For several targets of each image, repeat the images:
`attack(classifier, images.repeat(n, axis=0), labels.repeat(n), targets.ravel())`.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from tf_strattack.checks import as_array, check_classes, check_count, check_whole
from tf_strattack.classifiers.passing import as_classifier
from tf_strattack.errors import InputError
from tf_strattack.typing import Classes


def random(labels: Any, classes: int, n: int | None = None, seed: int = 0, *, first_row: int = 0) -> Classes:
    """Draws targets at random from the classes other than the label, all equally likely.

    The targets of a row depend only on the seed, the row's number, its label, `classes` and `n`: the first ten rows
    stay the same, however many follow.

    Args:
      labels: (N,) integers, the true classes.
      classes: the number of classes, at least 2.
      n: how many targets each image gets, all different; None for one.
      seed: a whole number of at least 0.
      first_row: the number of the first row, if targets are drawn in parts: the row where this part begins.

    Returns:
      (N,) int32 if n is None, else (N, n), ascending in each row.

    Raises:
      InputError: labels that are not classes, or a number out of range.

    Example:
      >>> import tf_strattack as sa
      >>> sa.targets.random([7, 2, 1], 10, seed=0).tolist()
      [8, 5, 9]
      >>> sa.targets.random([7, 2, 1], 10, 3, seed=0).shape
      (3, 3)
    """
    if check_count("classes", classes) < 2:
        raise InputError(f"expected classes to be a whole number of at least 2, received {classes}")
    number = 1 if n is None else check_count("n", n)
    if number > classes - 1:
        raise InputError(f"expected n of at most {classes - 1}, the classes other than the label, received {n}")
    check_whole("seed", seed)
    check_whole("first_row", first_row)
    array = as_array(labels, "labels")
    array = check_classes(array, len(np.atleast_1d(array)), classes, "labels")
    every = np.arange(classes, dtype=np.int32)
    drawn = np.empty((len(array), number), np.int32)
    for row, label in enumerate(array):
        generator = np.random.default_rng([seed, first_row + row])
        drawn[row] = np.sort(generator.choice(np.delete(every, label), number, replace=False))
    return drawn[:, 0] if n is None else drawn


def least_likely(classifier: Any, images: Any) -> Classes:
    """The class with the lowest score for each image (the first, if several tie): the hardest target to reach.

    Args:
      classifier: a `Classifier`, or a Keras model for images in [0, 1].
      images: (N, H, W, C) numbers within the classifier's bounds.

    Returns:
      (N,) int32.

    Raises:
      InputError: as in `Classifier.predict`, or another kind of network.

    Example:
      >>> import tf_strattack as sa
      >>> images, labels, _ = sa.shipped.load_sample()
      >>> sa.targets.least_likely(sa.shipped.load_classifier(), images[:3]).tolist()
      [5, 3, 0]
    """
    scores = as_classifier(classifier).predict(images)
    return scores.argmin(axis=1).astype(np.int32) if len(scores) else np.zeros(0, np.int32)
