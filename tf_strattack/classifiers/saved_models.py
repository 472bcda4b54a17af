"""SavedModel directories as functions of images."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import tensorflow as tf

from tf_strattack.classifiers.adapted import Adapted
from tf_strattack.classifiers.inputs import check_floating, choose_image, fill_others
from tf_strattack.classifiers.keras_models import Request
from tf_strattack.classifiers.layout import layout_of
from tf_strattack.errors import InputError
from tf_strattack.loading import load_or_explain

_UINT8_REMEDY = "export the part of the network behind the conversion"


def adapt_saved_model(path: str | Path, signature: str | None, request: Request) -> Adapted:
    """Adapts a SavedModel directory: its `signature` if named, else the object itself, `serve`, a signature.

    The object, and `serve`, count if they take a single tensor.

    Raises:
      InputError: no SavedModel, an unknown signature, or an input that is no batch of floating-point images.
    """
    loaded = load_or_explain(lambda: tf.saved_model.load(str(path)), path, "a SavedModel")
    signatures = dict(loaded.signatures)
    specs: dict[str, tf.TensorSpec] | None
    if signature is not None:
        if signature not in signatures:
            raise InputError(
                f"expected signature to be one of {sorted(signatures)}, received {signature!r}", option="signature"
            )
        return _from_signature(loaded, signatures[signature], request)
    if not request.inputs and callable(loaded) and (specs := _specs(loaded.__call__)) is not None:
        return _from_function(loaded, loaded, specs, request)
    if not request.inputs and hasattr(loaded, "serve") and (specs := _specs(loaded.serve)) is not None:
        return _from_function(loaded, loaded.serve, specs, request)
    if "serving_default" in signatures or len(signatures) == 1:
        chosen = signatures.get("serving_default") or next(iter(signatures.values()))
        return _from_signature(loaded, chosen, request)
    raise InputError(
        f"expected {path} to take one tensor or to have one signature, received {sorted(signatures)}: "
        "name one with signature=",
        option="signature",
    )


def _from_signature(loaded: Any, function: Any, request: Request) -> Adapted:
    specs = function.structured_input_signature[1]
    image = choose_image(specs, request.inputs or {})
    _check(specs[image])
    layout = layout_of(specs[image], request.data_format, image)
    others = fill_others(specs, image, request.inputs or {})

    # The default keeps `loaded` alive: its functions do not own the variables that they use.
    def call(images: tf.Tensor, positions: tf.Tensor | None, owner: Any = loaded) -> Any:
        return function(**others.fill(layout.feed(images), positions))

    return Adapted(call, layout.shape, rows=others.rows, notes=layout.notes)


def _from_function(loaded: Any, function: Any, specs: dict[str, tf.TensorSpec], request: Request) -> Adapted:
    name, spec = next(iter(specs.items()), ("", None))
    if spec is not None and spec.shape.rank is not None:
        _check(spec)
    layout = layout_of(spec, request.data_format, name)

    def call(images: tf.Tensor, positions: tf.Tensor | None, owner: Any = loaded) -> Any:
        return function(layout.feed(images))

    return Adapted(call, layout.shape, notes=layout.notes)


def _specs(function: Any) -> dict[str, tf.TensorSpec] | None:
    """The one tensor that a restored function takes, by name; empty where it does not say, None if it takes more.

    Of several tracings that for any batch size counts.
    """
    tensors = []
    for concrete in getattr(function, "concrete_functions", []):
        arguments, keywords = concrete.structured_input_signature
        specs = [part for part in tf.nest.flatten((arguments, keywords)) if isinstance(part, tf.TensorSpec)]
        # By itself, and not in a dictionary or a list.
        if len(specs) != 1 or not any(part is specs[0] for part in arguments):
            return None
        tensors += specs
    if not tensors:
        return {}
    spec = next((spec for spec in tensors if spec.shape.rank and spec.shape[0] is None), tensors[0])
    return {spec.name or "": spec}


def _check(spec: tf.TensorSpec) -> None:
    check_floating(spec, _UINT8_REMEDY)
    if spec.shape.rank and spec.shape[0] is not None:
        raise InputError(
            f"expected an input of any batch size, received the fixed batch size {spec.shape[0]}: "
            "export it with a batch axis of None"
        )
