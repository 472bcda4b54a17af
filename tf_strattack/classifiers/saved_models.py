"""SavedModel directories as functions of images."""

from __future__ import annotations

import functools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import tensorflow as tf

from tf_strattack.classifiers.adapted import Adapted
from tf_strattack.classifiers.inputs import Request, check_floating, check_inputs, choose_image, fill_others
from tf_strattack.classifiers.layout import layout_of
from tf_strattack.errors import InputError
from tf_strattack.runtime.loading import load_or_explain

CALL, DEFAULT = "__call__", "serving_default"
_UINT8_REMEDY = "export the part of the network behind the conversion"


def adapt_saved_model(path: str | Path, signature: str | None, request: Request) -> Adapted:
    """Adapts a SavedModel directory: its `signature` if named, else the first of these that takes images.

    They are the signature serving_default or the only one, as servers use it; the object itself; and `serve`. The
    object and `serve` count if they take a single tensor. "__call__" names the object.

    Raises:
      InputError: not a SavedModel, an unknown signature, or an input that is not a batch of floating-point images.
    """
    if not isinstance(path, str | Path):
        raise InputError(f"expected the path of a SavedModel directory, received {path!r}")
    check_inputs(request.inputs)
    loaded = load_or_explain(lambda: _read(path), path, "a SavedModel")
    ways = _ways(loaded, request)
    names = [*sorted(loaded.signatures), *([CALL] if CALL in ways else [])]
    if signature is not None:
        if signature not in names:
            raise InputError(f"expected signature to be one of {names}, received {signature!r}", option="signature")
        return ways[signature]()
    chosen = [name for name in (DEFAULT, CALL, "serve") if name in ways] or (list(ways) if len(ways) == 1 else [])
    if not chosen:
        advice = "name one with signature=" if names else "save it with signatures=, or as an object that can be called"
        raise InputError(
            f"expected {path} to have a signature {DEFAULT}, or a single one, received {names}: {advice}",
            option="signature" if names else None,
        )
    failures: list[InputError] = []
    for place, name in enumerate(chosen):
        try:
            adapted = ways[name]()
        except InputError as error:
            failures.append(error)
            continue
        others = [other for other in chosen[place + 1 :] if other == CALL]
        return adapted._replace(also=_also(ways, others[0])) if others and not failures else adapted
    raise failures[0]


def _also(ways: dict[str, Callable[[], Adapted]], name: str) -> tuple[str, Any] | None:
    """The object of a SavedModel, to check that it is the same function as the signature."""
    try:
        return "the object", ways[name]().function
    except InputError:  # it takes no images
        return None


def _read(path: str | Path) -> Any:
    try:
        return tf.saved_model.load(str(path))
    except ValueError as error:
        if "tags=" not in str(error):
            raise
        raise InputError(  # the remedy of TensorFlow names an argument that does not exist here
            f"expected a SavedModel with one network, received {path}, whose saved_model.pb is empty or holds others: "
            "export it again, model.export(path)"
        ) from error


def _ways(loaded: Any, request: Request) -> dict[str, Callable[[], Adapted]]:
    """The callable parts of a SavedModel, by name, and how each is adapted."""
    ways: dict[str, Callable[[], Adapted]] = {}
    for name, function in loaded.signatures.items():
        ways[name] = functools.partial(_from_signature, loaded, function, request)
    for name, function in ((CALL, loaded if callable(loaded) else None), ("serve", getattr(loaded, "serve", None))):
        if function is None or request.inputs:
            continue
        specs = _specs(function.__call__ if name == CALL else function)
        if specs is not None:
            ways.setdefault(name, functools.partial(_from_function, loaded, function, specs, request))
    return ways


def _from_signature(loaded: Any, function: Any, request: Request) -> Adapted:
    specs = function.structured_input_signature[1]
    image = choose_image(specs, request.inputs or {})
    _check(specs[image])
    layout = layout_of(specs[image], request.data_format, image)
    others = fill_others(specs, image, request.inputs or {})

    # The default keeps `loaded` alive: its functions do not own the variables that they use.
    def call(images: tf.Tensor, positions: tf.Tensor | None, owner: Any = loaded) -> Any:
        return function(**others.fill(layout.feed(images), positions))

    return Adapted(call, layout.shape, rows=others.rows, notes=layout.notes, may_change=False)


def _from_function(loaded: Any, function: Any, specs: dict[str, tf.TensorSpec], request: Request) -> Adapted:
    name, spec = next(iter(specs.items()), ("", None))
    if spec is not None and spec.shape.rank is not None:
        _check(spec)
    layout = layout_of(spec, request.data_format, name)

    def call(images: tf.Tensor, positions: tf.Tensor | None, owner: Any = loaded) -> Any:
        return function(layout.feed(images))

    return Adapted(call, layout.shape, notes=layout.notes, may_change=False)


def _specs(function: Any) -> dict[str, tf.TensorSpec] | None:
    """The one tensor that a restored function takes, by name; empty if unknown, None if it takes more.

    If there are several tracings, the one for any batch size counts.
    """
    tensors = []
    for concrete in getattr(function, "concrete_functions", []):
        arguments, keywords = concrete.structured_input_signature
        specs = [part for part in tf.nest.flatten((arguments, keywords)) if isinstance(part, tf.TensorSpec)]
        # The tensor itself, not in a dictionary or a list.
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
