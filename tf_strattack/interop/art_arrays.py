"""Conversions of ART's arrays: the layout of images, masks, and labels of any form."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
from art.estimators.classification import TensorFlowV2Classifier

from tf_strattack.classifiers.classifier import Classifier
from tf_strattack.errors import InputError
from tf_strattack.interop import host
from tf_strattack.typing import Classes, Images


def to_layout(x: npt.NDArray[Any], estimator: TensorFlowV2Classifier, *, back: bool = False) -> Images:
    """Images as (N, H, W, C), or `back` in the layout of the estimator."""
    images = np.asarray(x, np.float32)
    if not estimator.channels_first or images.ndim != 4:
        return images
    return np.ascontiguousarray(images.transpose([0, 3, 1, 2] if back else [0, 2, 3, 1]))


def mask_of(mask: Any, x: npt.NDArray[Any], estimator: TensorFlowV2Classifier) -> Any:
    """A mask that broadcasts to `x`, or one for all channels, as the library takes it: (N, H, W, C)."""
    if mask is None:
        return None
    mask = np.asarray(mask)
    if mask.ndim in (2, 3) and mask.shape[-2:] == np.shape(x)[2 if estimator.channels_first else 1 :][:2]:
        mask = np.expand_dims(mask, -3 if estimator.channels_first else -1)  # one for all channels
    try:
        whole = np.broadcast_to(mask, np.shape(x))
    except ValueError:
        raise InputError(f"expected a mask that broadcasts to {np.shape(x)}, received {np.shape(mask)}") from None
    return to_layout(whole, estimator)


def classes_of(y: Any, classifier: Classifier, images: Images, targeted: bool) -> tuple[Classes, Classes | None]:
    """Labels and targets of the native call."""
    host.require_several_scores(classifier, images)
    if y is None or (np.ndim(y) == 0 and np.asarray(y).item() is None):  # ART turns None into an array
        if targeted:
            raise InputError("expected y, the classes to reach, of a targeted attack, received none")
        return classifier.classify(images), None
    classes = host.class_numbers(np.asarray(y), classifier, images, "y")
    return (host.labels_beside(classifier, images, classes), classes) if targeted else (classes, None)
