"""What a network sees in the examples of a report, before and after the attack."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tf_strattack import Classifier
from tf_strattack.typing import Images


class Prediction(NamedTuple):
    """The class that a network predicts for an original, and for its adversarial image, each with its probability."""

    before: int
    before_share: float
    after: int
    after_share: float


def predict(classifier: Classifier, images: Images, adversarial: Images) -> list[Prediction]:
    """Predictions for images (N, H, W, C) and their adversarial ones, in the network's scale.

    Runs record which examples succeeded, but no logits: they are computed when the report is made, for the examples it
    shows, at the cost of two forward passes each, which count as no part of the attack's.
    """
    sides = []
    for batch in (images, adversarial):
        shares = _probabilities(classifier, batch)
        classes = shares.argmax(axis=1)
        sides.append(list(zip(classes.tolist(), shares[np.arange(len(batch)), classes].tolist(), strict=True)))
    return [Prediction(*before, *after) for before, after in zip(*sides, strict=True)]


def _probabilities(classifier: Classifier, images: Images) -> npt.NDArray[np.float64]:
    """Probabilities (N, K): softmax of the logits; of a network with a sigmoid for each class, these."""
    logits = classifier.predict(images).astype(np.float64)
    if classifier.single_score:
        logits /= 2  # a score z is held as the logits (-z, z), and means sigmoid(z)
    elif classifier.outputs == "sigmoid":
        return 1 / (1 + np.exp(-logits))
    powers = np.exp(logits - logits.max(axis=1, keepdims=True))
    shares: npt.NDArray[np.float64] = powers / powers.sum(axis=1, keepdims=True)
    return shares
