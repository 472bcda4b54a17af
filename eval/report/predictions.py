"""The network's predictions for the examples of a report, before and after the attack."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tf_strattack import Classifier
from tf_strattack.typing import Images


class Prediction(NamedTuple):
    """The predicted class of an original and of its adversarial image, each with its probability."""

    before: int
    before_share: float
    after: int
    after_share: float


def predict(classifier: Classifier, images: Images, adversarial: Images) -> list[Prediction]:
    """Predictions for images and adversarial images (N, H, W, C) in the network's scale.

    Runs record which examples succeeded, but no logits. The report therefore computes predictions for the examples it
    shows: two forward passes per example, which do not count as evaluations of the attack.
    """
    sides = []
    for batch in (images, adversarial):
        shares = _probabilities(classifier, batch)
        classes = shares.argmax(axis=1)
        sides.append(list(zip(classes.tolist(), shares[np.arange(len(batch)), classes].tolist(), strict=True)))
    return [Prediction(*before, *after) for before, after in zip(*sides, strict=True)]


def _probabilities(classifier: Classifier, images: Images) -> npt.NDArray[np.float64]:
    """Probabilities (N, K): the softmax of the logits, or the sigmoids of a network with one sigmoid per class."""
    logits = classifier.predict(images).astype(np.float64)
    if classifier.single_score:
        logits /= 2  # a score z, which means sigmoid(z), is represented by the logits (-z, z)
    elif classifier.outputs == "sigmoid":
        return 1 / (1 + np.exp(-logits))
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares: npt.NDArray[np.float64] = powers / powers.sum(axis=1, keepdims=True)
    return shares
