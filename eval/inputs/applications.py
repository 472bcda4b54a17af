"""Networks of `keras.applications` by name, for images in [0, 1]."""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tf_strattack import Classifier, InputError
from tf_strattack.classifiers.adapted import Adapted
from tf_strattack.classifiers.inputs import Request
from tf_strattack.classifiers.keras_models import adapt_keras
from tf_strattack.runtime import devices
from tf_strattack.runtime.loading import load_or_explain

IMAGENET, NONE = "imagenet", "none"


def find_application(name: str) -> Callable[..., keras.Model] | None:
    """The function of `keras.applications` that makes the network `name`: inception_v3, InceptionV3, resnet50, ..."""
    return _builders().get(_plain(name))


def load_application(name: str, weights: str, seed: int) -> tuple[Classifier, str]:
    """Makes the network `name` with its own preprocessing, so that it takes images in [0, 1].

    Args:
      name: as in `find_application`.
      weights: "imagenet", which Keras downloads; a file of weights or of a whole model; "none" for random weights.
      seed: the seed of random weights.

    Returns:
      The classifier, which returns logits, and a hash of its weights.

    Raises:
      InputError: no such network, or weights that cannot be downloaded or loaded.
    """
    build = find_application(name)
    if build is None:
        raise InputError(f"expected a network of keras.applications, received {name!r}")
    keras.utils.set_random_seed(seed)
    options: dict[str, Any] = {"classifier_activation": None}
    if weights == IMAGENET:
        model = _download(build, options)
    else:
        with devices.scope():
            model = build(weights=None, **options)
        if weights != NONE:
            _load_weights(model, Path(weights))
    # All networks of a module share its `preprocess_input`, which does nothing if the networks preprocess themselves.
    preprocess = sys.modules[build.__module__].preprocess_input
    adapted = adapt_keras(model, Request())

    def function(images: tf.Tensor, positions: tf.Tensor | None) -> Any:
        return adapted.function(preprocess(255.0 * images), positions)

    return Classifier(Adapted(function, adapted.image_shape, "logits")), _digest(model)


def imagenet_names() -> dict[int, str]:
    """The names of the 1000 classes, which Keras downloads; empty if the download fails."""
    try:
        ranked = keras.applications.imagenet_utils.decode_predictions(np.eye(1000, dtype=np.float32), top=1)
    except Exception:  # urllib, HTTP and file system errors: figures then show class numbers
        return {}
    return {index: best[0][1] for index, best in enumerate(ranked)}


def _builders() -> dict[str, Callable[..., keras.Model]]:
    found = (getattr(keras.applications, name) for name in dir(keras.applications) if name[0].isupper())
    return {_plain(builder.__name__): builder for builder in found if callable(builder)}


def _plain(name: str) -> str:
    return name.lower().replace("_", "")


def _download(build: Callable[..., keras.Model], options: dict[str, Any]) -> keras.Model:
    try:
        with devices.scope():
            return build(weights=IMAGENET, **options)
    except Exception as error:  # Keras raises errors of urllib, HTTP and the file system
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise InputError(
            f"expected --weights=imagenet to be downloaded, received: {reason}; give --weights=FILE, or --weights=none"
        ) from error


def _load_weights(model: keras.Model, path: Path) -> None:
    def load() -> None:
        if path.suffix == ".keras":
            model.set_weights(keras.saving.load_model(path, compile=False).get_weights())
        else:
            model.load_weights(path)

    load_or_explain(load, path, f"weights of {model.name}")


def _digest(model: keras.Model) -> str:
    digest = hashlib.sha256()
    for array in model.get_weights():
        digest.update(array.tobytes())
    return digest.hexdigest()
