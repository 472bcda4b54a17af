"""Turns what users have (a Keras model, a SavedModel) into a plain function from images to class scores."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import keras
import tensorflow as tf

from tf_strattack import devices
from tf_strattack.errors import InputError
from tf_strattack.heads import softmax_head
from tf_strattack.inputs import channels_last, choose_image, fill_others


class Adapted(NamedTuple):
    """A network as a function, with what its file or object tells about it.

    Attributes:
      function: (N, H, W, C) float32 images → whatever the network returns.
      image_shape: (H, W, C), None for an entry that is not fixed; None altogether where unknown.
      outputs: "logits" where that is certain, else None.
      model: the Keras model, where there is one, to look inside.
      feed: (N, H, W, C) images → the inputs of `model`, in the order in which it declares them.
    """

    function: Callable[[tf.Tensor], Any]
    image_shape: tuple[int | None, ...] | None = None
    outputs: str | None = None
    model: keras.Model | None = None
    feed: Callable[[tf.Tensor], Any] | None = None


def adapt_keras(model: keras.Model, inputs: Mapping[str, Any] | None = None) -> Adapted:
    """Adapts a Keras 3 model in inference mode; a softmax head is turned back into logits.

    `inputs` are values of the inputs besides the image, by name; see `inputs.fill_others`.
    """
    if keras.backend.backend() != "tensorflow":
        raise InputError(
            f"expected Keras on its TensorFlow backend, received {keras.backend.backend()!r}: "
            "set KERAS_BACKEND=tensorflow before Keras is imported"
        )
    if not isinstance(model, keras.Model):
        raise InputError(f"expected a keras.Model, received {type(model).__name__}")
    known = getattr(model, "inputs", None) or []
    specs = {tensor.name: tf.TensorSpec(tensor.shape, tensor.dtype) for tensor in known}
    if inputs and not specs:
        raise InputError("expected inputs= with a model that declares its inputs, received one that does not")
    image = choose_image(specs, inputs or {}) if specs else None
    shape = None if image is None else tuple(specs[image].shape[1:])
    function = _without_softmax(model)
    outputs = None if function is None else "logits"
    if function is None:
        # As a model of a list, whatever structure it was given for its inputs; the structure of the outputs is kept.
        whole = model if len(specs) < 2 else keras.Model(list(known), model(_structured(model, known)))
        function = lambda tensors: whole(tensors, training=False)  # noqa: E731
    feed: Callable[[tf.Tensor], Any] = lambda images: images  # noqa: E731
    if image is not None and len(specs) > 1:
        fill = fill_others(specs, image, inputs or {})
        feed = lambda images: [fill(images)[name] for name in specs]  # noqa: E731
    feed, shape = channels_last(feed, shape)
    return Adapted(lambda images: function(feed(images)), shape, outputs, model, feed)


def adapt_saved_model(path: str | Path, signature: str | None, inputs: Mapping[str, Any] | None = None) -> Adapted:
    """Adapts a SavedModel directory: its `signature` if named, else the object itself, `serve`, a signature.

    The object, and `serve`, count if they take a single tensor. `inputs` as for `adapt_keras`.
    """
    loaded = load_or_explain(lambda: tf.saved_model.load(str(path)), path, "a SavedModel")
    signatures = dict(loaded.signatures)
    specs: dict[str, tf.TensorSpec] | None
    if signature is not None:
        if signature not in signatures:
            raise InputError(f"expected signature to be one of {sorted(signatures)}, received {signature!r}")
        function, shape = _from_signature(signatures[signature], inputs or {})
    elif not inputs and callable(loaded) and (specs := _specs(loaded.__call__)) is not None:
        function, shape = loaded, _shape_of(*specs.values())
    elif not inputs and hasattr(loaded, "serve") and (specs := _specs(loaded.serve)) is not None:
        function, shape = loaded.serve, _shape_of(*specs.values())
    elif "serving_default" in signatures or len(signatures) == 1:
        chosen = signatures.get("serving_default") or next(iter(signatures.values()))
        function, shape = _from_signature(chosen, inputs or {})
    else:
        raise InputError(
            f"expected {path} to take one tensor or to have one signature, received {sorted(signatures)}: "
            "name one with signature="
        )
    function, shape = channels_last(function, shape)

    def call(images: tf.Tensor, owner: Any = loaded) -> Any:
        # The default keeps `loaded` alive: its functions do not own the variables that they use.
        return function(images)

    return Adapted(call, shape)


def select_output(outputs: Any, name: str | None) -> tf.Tensor:
    """Finds the class scores in what a network returned: a tensor, a dict, or an object with `.logits`."""
    if name is None and hasattr(outputs, "logits"):
        return outputs.logits
    if isinstance(outputs, Mapping):
        if name is None:
            name = next(iter(outputs)) if len(outputs) == 1 else "logits"
        if name in outputs:
            return outputs[name]
        raise InputError(f"expected one output of class scores, received {sorted(outputs)}: name one with output=")
    if isinstance(outputs, list | tuple):
        if len(outputs) != 1:
            raise InputError(f"expected one output of class scores, received {len(outputs)} without names")
        return outputs[0]
    return outputs


def load_or_explain(load: Callable[[], Any], path: str | Path, what: str) -> Any:
    """Calls `load`, turning whatever a missing or corrupt file makes it raise into one line."""
    if not Path(path).exists():
        raise InputError(f"expected {what}, received {path}, which does not exist")
    try:
        with devices.scope():
            return load()
    except InputError:
        raise
    except Exception as error:  # h5py, zip, protobuf and TensorFlow each have their own
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        if "safe_mode" in reason:  # Keras's own remedy names an argument that there is not here
            reason = (
                "it holds Python code, which Keras's safe mode refuses; if you trust it, pass a model, loaded by "
                "keras.saving.load_model(path, safe_mode=False), to Classifier.from_keras"
            )
        raise InputError(f"expected {what}, received {path}, which cannot be read: {reason}") from error


def _without_softmax(model: keras.Model) -> Callable[[tf.Tensor], tf.Tensor] | None:
    """The model up to the input of its final softmax, or None if it is not seen to end in one."""
    outputs = getattr(model, "outputs", None) or []
    head = softmax_head(outputs[0]) if len(outputs) == 1 else None
    if head is None:
        return None
    inputs = list(model.inputs)
    body = keras.Model(inputs[0] if len(inputs) == 1 else inputs, head.before)
    return lambda images: head.logits(body(images, training=False))


def _structured(model: keras.Model, tensors: list[Any]) -> Any:
    """The inputs of a functional model in the structure that it was made with."""
    made_with = model.input
    if isinstance(made_with, Mapping):
        return {name: next(t for t in tensors if t is tensor) for name, tensor in made_with.items()}
    return tensors


def _from_signature(
    function: Any, values: Mapping[str, Any]
) -> tuple[Callable[[tf.Tensor], Any], tuple[int | None, ...] | None]:
    specs = function.structured_input_signature[1]
    image = choose_image(specs, values)
    shape = _shape_of(specs[image])
    fill = fill_others(specs, image, values)
    return lambda images: function(**fill(images)), shape


def _specs(function: Any) -> dict[str, tf.TensorSpec] | None:
    """The one tensor that a restored function takes, by a name; empty where it tells nothing, None if it takes more.

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
    return {"image": next((spec for spec in tensors if spec.shape.rank and spec.shape[0] is None), tensors[0])}


def _shape_of(spec: tf.TensorSpec | None = None) -> tuple[int | None, ...] | None:
    if spec is None or spec.shape.rank is None:
        return None
    if not spec.dtype.is_floating:
        raise InputError(
            f"expected a floating-point image input, received {spec.dtype.name}: no gradient flows through integers, "
            "so export the part of the network behind the conversion"
        )
    if spec.shape.rank == 4 and spec.shape[0] is not None:
        raise InputError(f"expected an input of any batch size, received the fixed batch size {spec.shape[0]}")
    return tuple(spec.shape[1:])
