"""Turns what users have (a Keras model, a SavedModel) into a plain function from images to class scores."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import keras
import tensorflow as tf

from tf_strattack import devices
from tf_strattack.errors import InputError


class Adapted(NamedTuple):
    """A network as a function, with what its file or object tells about it.

    Attributes:
      function: (N, H, W, C) float32 images → whatever the network returns.
      image_shape: (H, W, C), None for an entry that is not fixed; None altogether where unknown.
      outputs: "logits" where that is certain, else None.
    """

    function: Callable[[tf.Tensor], Any]
    image_shape: tuple[int | None, ...] | None = None
    outputs: str | None = None


def adapt_keras(model: keras.Model) -> Adapted:
    """Adapts a Keras 3 model in inference mode; a softmax head is turned back into logits."""
    if keras.backend.backend() != "tensorflow":
        raise InputError(
            f"expected Keras on its TensorFlow backend, received {keras.backend.backend()!r}: "
            "set KERAS_BACKEND=tensorflow before Keras is imported"
        )
    if not isinstance(model, keras.Model):
        raise InputError(f"expected a keras.Model, received {type(model).__name__}")
    inputs = getattr(model, "inputs", None) or []
    if len(inputs) > 1:
        raise InputError(f"expected a model with one image input, received {len(inputs)} inputs")
    shape = tuple(inputs[0].shape[1:]) if inputs else None
    function = _without_softmax(model)
    if function is not None:
        return Adapted(function, shape, "logits")
    return Adapted(lambda images: model(images, training=False), shape)


def adapt_saved_model(path: str | Path, signature: str | None) -> Adapted:
    """Adapts a SavedModel directory: its `signature` if named, else the object itself, `serve`, a signature."""
    loaded = load_or_explain(lambda: tf.saved_model.load(str(path)), path, "a SavedModel")
    signatures = dict(loaded.signatures)
    if signature is not None:
        if signature not in signatures:
            raise InputError(f"expected signature to be one of {sorted(signatures)}, received {signature!r}")
        function, spec = _from_signature(signatures[signature])
    elif callable(loaded):
        function, spec = loaded, _first_spec(loaded.__call__)
    elif hasattr(loaded, "serve"):
        function, spec = loaded.serve, _first_spec(loaded.serve)
    elif "serving_default" in signatures or len(signatures) == 1:
        function, spec = _from_signature(signatures.get("serving_default") or next(iter(signatures.values())))
    else:
        raise InputError(
            f"expected {path} to be callable or to have one signature, received {sorted(signatures)}: "
            "name one with signature="
        )

    def call(images: tf.Tensor, owner: Any = loaded) -> Any:
        # The default keeps `loaded` alive: its functions do not own the variables that they use.
        return function(images)

    return Adapted(call, _checked_shape(spec))


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
    except Exception as error:  # h5py, zip, protobuf and TensorFlow each have their own
        reason = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise InputError(f"expected {what}, received {path}, which cannot be read: {reason}") from error


def _without_softmax(model: keras.Model) -> Callable[[tf.Tensor], tf.Tensor] | None:
    """The model up to the input of its final softmax, or None if it is not seen to end in one."""
    outputs = getattr(model, "outputs", None) or []
    if len(outputs) != 1:
        return None
    last = outputs[0]._keras_history.operation
    if isinstance(last, keras.layers.Softmax):
        body = keras.Model(model.inputs[0], last.input)
        return lambda images: body(images, training=False)
    if getattr(last, "activation", None) is not keras.activations.softmax:
        return None
    body = keras.Model(model.inputs[0], last.input)
    if isinstance(last, keras.layers.Activation):
        return lambda images: body(images, training=False)
    if isinstance(last, keras.layers.Dense):

        def logits(images: tf.Tensor) -> tf.Tensor:
            features = body(images, training=False)
            product = tf.matmul(features, tf.cast(tf.convert_to_tensor(last.kernel), features.dtype))
            return product if last.bias is None else product + tf.cast(tf.convert_to_tensor(last.bias), product.dtype)

        return logits
    return None


def _from_signature(function: Any) -> tuple[Callable[[tf.Tensor], Any], tf.TensorSpec]:
    inputs = function.structured_input_signature[1]
    if len(inputs) != 1:
        raise InputError(f"expected a signature with one image input, received {sorted(inputs)}")
    ((name, spec),) = inputs.items()

    return lambda images: function(**{name: images}), spec


def _first_spec(function: Any) -> tf.TensorSpec | None:
    """The declared first argument of a restored function, where it has one."""
    for concrete in getattr(function, "concrete_functions", []):
        for spec in tf.nest.flatten(concrete.structured_input_signature[0]):
            if isinstance(spec, tf.TensorSpec):
                return spec
    return None


def _checked_shape(spec: tf.TensorSpec | None) -> tuple[int | None, ...] | None:
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
