"""The network as its owner calls it: from its own file, without the classifier that attacks use."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import tensorflow as tf

from tf_strattack import shipped
from tf_strattack.classifiers.files import load_keras
from tf_strattack.typing import Images

_SIGNATURE = "serving_default"


class Owner(NamedTuple):
    """A way to call a network.

    Attributes:
      call: images (N, H, W, C) → scores (N, K); None for a call through the classifier.
      how: the way, in words.
    """

    call: Callable[[Images], Any] | None
    how: str


def owner_of(name: str, images: Images, *, plain: bool) -> Owner:
    """How the owner calls the network `name` of --model on `images` (N, H, W, C).

    Args:
      name: as in `load_model`.
      images: some of the images, on which the call is tried.
      plain: whether the network takes images as they are and has one output.
    """
    path = shipped.model_path(name) if name in shipped.NETWORKS else Path(name)
    through = Owner(None, "through the classifier, not compiled")
    if not plain or not path.exists():
        return through
    try:
        owner = _saved_model(path) if path.is_dir() else _keras(path)
        tried = np.asarray(owner.call(images[:1])) if owner.call else np.zeros(0)
    except Exception:  # a file or a call of its owner's can raise anything; the classifier knows how to call it
        return through
    return owner if tried.ndim in (1, 2) and len(tried) == 1 else through


def _keras(path: Path) -> Owner:
    model = load_keras(path)
    return Owner(lambda images: model.predict(images, verbose=0), f"predict of {path.name}")


def _saved_model(path: Path) -> Owner:
    signature = tf.saved_model.load(str(path)).signatures[_SIGNATURE]
    (name,) = signature.structured_input_signature[1]
    (output,) = signature.structured_outputs
    return Owner(lambda images: signature(**{name: tf.constant(images)})[output], f"{_SIGNATURE} of {path.name}")
