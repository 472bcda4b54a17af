"""Keras models as functions of images: called as their owner calls them, and taken apart at the last activation."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import keras
import numpy as np
import tensorflow as tf

from tf_strattack.classifiers.adapted import Adapted, Network
from tf_strattack.classifiers.heads import activation_name, head_of, kind_of
from tf_strattack.classifiers.identity import parts_of
from tf_strattack.classifiers.inputs import Others, check_floating, choose_image, fill_others
from tf_strattack.classifiers.layout import CHANNELS_FIRST, Layout, declared_format, layout_of
from tf_strattack.classifiers.outputs import PROBABILITIES, SIGMOID, select_output
from tf_strattack.errors import InputError

_KERAS2 = "tf_keras"
# Losses of regression, by the names that Keras gives them and takes.
_REGRESSION = {
    "mse",
    "mae",
    "mape",
    "msle",
    "mean_squared_error",
    "mean_absolute_error",
    "mean_absolute_percentage_error",
    "mean_squared_logarithmic_error",
    "huber",
    "huber_loss",
    "log_cosh",
    "logcosh",
}
_PLAIN_ACTIVATIONS = (None, "linear", "softmax", "sigmoid")
_EPSILON = {"bfloat16": 2.0**-7, "float16": 2.0**-10}
_UINT8_REMEDY = (
    "build the model again on a float32 input: new = keras.models.clone_model(model, "
    "input_tensors=keras.Input((H, W, C))), then new.set_weights(model.get_weights())"
)


class Request(NamedTuple):
    """What the caller says of a network.

    Attributes:
      inputs: values of the inputs besides the image, by name; see `inputs.fill_others`.
      data_format: "channels_last", "channels_first", or None for what layers declare.
      output: which output has the class scores.
    """

    inputs: Mapping[str, Any] | None = None
    data_format: str | None = None
    output: str | int | None = None


def is_keras2(model: Any) -> bool:
    """Whether an object is a model of Keras 2 (the package tf_keras, which Hugging Face's TF models use)."""
    return any(
        kind.__module__.partition(".")[0] == _KERAS2 and kind.__name__ == "Model" for kind in type(model).__mro__
    )


def adapt_keras(model: Any, request: Request) -> Adapted:
    """Adapts a model of Keras 3, or of Keras 2, in inference mode.

    Raises:
      InputError: another kind of object, or a model that cannot be attacked as it is.
    """
    if is_keras2(model):
        return _adapt_keras2(model, request)
    _check_keras(model)
    known = getattr(model, "inputs", None) or []
    specs = {tensor.name: tf.TensorSpec(tensor.shape, tensor.dtype) for tensor in known}
    check_inputs(request.inputs)
    if request.inputs and not specs:
        raise InputError("expected inputs= with a model that declares its inputs, received one that does not")
    image = choose_image(specs, request.inputs or {}) if specs else None
    tensor = None if image is None else known[list(specs).index(image)]
    layout = _layout(model, tensor, request.data_format)
    others = Others(lambda images, _: {"": images}, None)
    if image is not None:
        others = fill_others(specs, image, request.inputs or {})
    names = list(specs) or [""]

    def raw(images: tf.Tensor, positions: tf.Tensor | None) -> list[tf.Tensor]:
        filled = others.fill(layout.feed(images), positions)
        return [filled[name] for name in names]

    feed: Network = raw
    shape, notes = layout.shape, [*layout.notes]
    own = getattr(model, "preprocessor", None)
    if callable(own) and overridden(model, "predict"):
        # As KerasHub's `predict` does; images of any size go into its resizing.
        preprocess = own
        feed = lambda images, positions: [preprocess(images)]  # noqa: E731
        shape, notes = None, ["the model's own preprocessor is applied to the images, as its predict does"]
    else:
        own = None
    call, predict, inside = _calls(model, own)
    end = _end(model, request.output) if getattr(model, "outputs", None) else None
    # What the last layers say counts where the owner's call is nothing but the layers.
    seen = end if inside is None and _is_plain(model) else None
    if seen is not None and seen.shape[-1] == 1 and activation_name(seen) == "softmax":
        raise InputError(
            "expected several classes, received a softmax over one, which is 1 for every image: use a sigmoid"
        )
    head = None if seen is None else head_of(seen)
    logits: Network | None = None
    if head is not None:
        body = keras.Model(_one_or_all(list(known)), head.before)
        logits = lambda images, positions: head.logits(body(_one_or_all(feed(images, positions)), training=False))  # noqa: E731
    if end is not None:
        notes += _notes(model, end)
    return Adapted(
        function=lambda images, positions: call(_packed(model, feed(images, positions))),
        image_shape=shape,
        outputs=None if seen is None else kind_of(seen),
        logits=logits,
        head=head,
        output_names=tuple(getattr(model, "output_names", None) or ()),
        inside=inside,
        predict=None if predict is None else lambda images, positions: predict(_packed(model, raw(images, positions))),
        epsilon=_epsilon(model),
        rows=others.rows,
        model=model,
        feed=feed,
        notes=tuple(notes),
        parts=lambda: parts_of(model),
        again=lambda: adapt_keras(model, request),
        origin=f"keras model {model.name!r}",
    )


def _check_keras(model: Any) -> None:
    if not isinstance(model, keras.Model):
        raise InputError(f"expected a keras.Model, received {type(model).__name__}")
    if keras.backend.backend() != "tensorflow":
        raise InputError(
            f"expected Keras on its TensorFlow backend, received {keras.backend.backend()!r}: "
            "set KERAS_BACKEND=tensorflow before Keras is imported"
        )


def _layout(model: Any, tensor: Any, data_format: str | None) -> Layout:
    """The layout of the image input `tensor`, None where the model declares none; its layers must not contradict."""
    if tensor is None:
        return layout_of(None, data_format)
    spec = tf.TensorSpec(tensor.shape, tensor.dtype)
    check_floating(spec, _UINT8_REMEDY)
    declared = declared_format(model, tensor)
    if declared is not None and data_format not in (None, declared):
        raise InputError(
            f"expected data_format={declared!r}, as the model's layers say, received {data_format!r}",
            option="data_format",
        )
    return layout_of(spec, data_format or declared, tensor.name)


def overridden(model: Any, name: str) -> bool:
    """Whether a model has a method of its own in place of Keras's."""
    owner = next((kind for kind in type(model).__mro__ if name in vars(kind)), None)
    return name in vars(model) or (owner is not None and owner.__module__.partition(".")[0] not in ("keras", _KERAS2))


def check_inputs(inputs: Any) -> None:
    """Refuses values of inputs that do not name the inputs."""
    if inputs is not None and not isinstance(inputs, Mapping):
        raise InputError(f"expected inputs= as a dictionary, {{name: value}}, received {type(inputs).__name__}")


def _calls(model: Any, preprocessor: Any) -> tuple[Any, Any, str | None]:
    """How the owner calls a model on its inputs, its `predict` where that may do more, and what of it is inside."""
    inside = "preprocessor" if preprocessor is not None else None
    call: Callable[[Any], Any] = lambda inputs: model(inputs, training=False)  # noqa: E731
    if overridden(model, "predict_step"):
        call, inside = lambda inputs: model.predict_step(_data(inputs)), "predict_step"
    if any(overridden(model, name) for name in ("predict", "predict_step", "make_predict_function")):
        return call, _silent(model.predict), inside
    return call, _numpy(model.predict_on_batch) if overridden(model, "predict_on_batch") else None, inside


def _data(inputs: Any) -> Any:
    """Inputs as `predict` passes them to `predict_step`."""
    return (inputs,) if isinstance(inputs, list | tuple) else inputs


def _silent(predict: Callable[..., Any]) -> Callable[[Any], Any]:
    """`predict` without its progress bar."""
    parameters = inspect.signature(predict).parameters.values()
    quiet = any(one.name == "verbose" or one.kind is one.VAR_KEYWORD for one in parameters)
    return _numpy(lambda inputs: predict(inputs, **({"verbose": 0} if quiet else {})))


def _numpy(predict: Callable[..., Any]) -> Callable[[Any], Any]:
    """`predict` of arrays, as owners call it."""
    return lambda inputs: predict(keras.tree.map_structure(np.asarray, inputs))


def _end(model: Any, output: str | int | None) -> Any:
    """The Keras tensor of class scores."""
    outputs = model.outputs
    # A call that returns something else than the layers do has no end to see.
    if len(outputs) == 1 and not _is_plain(model):
        return outputs[0]
    if len(outputs) == 1 and output is None:
        return outputs[0]
    return select_output(
        getattr(model, "_outputs_struct", outputs[0]), output, getattr(model, "output_names", None) or ()
    )


def _is_plain(model: Any) -> bool:
    """Whether a model is what its layers say: Sequential or functional, with Keras's own `call`."""
    return not overridden(model, "call") and not overridden(model, "__call__")


def _packed(model: Any, tensors: list[Any]) -> Any:
    """The inputs of a model, in their order, in the structure that it was made with."""
    if len(tensors) == 1 and not isinstance(getattr(model, "input", None), Mapping):
        return tensors[0]
    return keras.tree.pack_sequence_as(model.input, tensors)


def _one_or_all(tensors: list[Any]) -> Any:
    return tensors[0] if len(tensors) == 1 else tensors


def _epsilon(model: Any) -> float:
    """The coarsest relative rounding of a model's layers; 0 where all compute in float32."""
    layers = list(model._flatten_layers())
    dtypes = {str(getattr(layer, "compute_dtype", "float32")) for layer in layers}
    quantized = any(getattr(layer, "quantization_mode", None) for layer in layers)
    return max([2.0**-7] * quantized + [_EPSILON.get(dtype, 0.0) for dtype in dtypes], default=0.0)


def _notes(model: Any, end: Any) -> list[str]:
    """What an owner should know whose network is no classifier of the usual kind."""
    kind, activation = kind_of(end), activation_name(end)
    if kind == SIGMOID and end.shape[-1] != 1:
        return ["the network ends in a sigmoid for each of several classes: the largest decides (argmax)"]
    if activation not in _PLAIN_ACTIVATIONS:
        return [
            f"the network ends in {activation}: its outputs are taken as they are, and the largest decides (argmax)"
        ]
    loss = getattr(model, "loss", None) if getattr(model, "compiled", False) else None
    name = loss if isinstance(loss, str) else getattr(loss, "name", getattr(loss, "__name__", None))
    if kind not in (PROBABILITIES, SIGMOID) and str(name).lower() in _REGRESSION:
        return [f"the network is compiled with a loss of regression, {name}: its largest output decides (argmax)"]
    return []


def _adapt_keras2(model: Any, request: Request) -> Adapted:
    """Adapts a model of Keras 2 as what it is called as; its layers are not looked at."""
    check_inputs(request.inputs)
    if request.inputs:
        raise InputError("expected inputs= with a model of Keras 3 or a SavedModel, received a model of Keras 2")
    shape = getattr(model, "input_shape", None) if getattr(model, "built", False) else None
    spec = tf.TensorSpec(shape) if isinstance(shape, tuple) else None
    first = CHANNELS_FIRST if getattr(model, "main_input_name", None) == "pixel_values" else None
    layout = layout_of(spec, request.data_format or first)
    call, predict, inside = _calls(model, None)

    def function(images: tf.Tensor, positions: tf.Tensor | None) -> Any:
        return call(layout.feed(images))

    return Adapted(
        function,
        layout.shape,
        inside=inside,
        output_names=tuple(getattr(model, "output_names", None) or ()),
        predict=None if predict is None else lambda images, positions: predict(layout.feed(images)),
        epsilon=_epsilon(model),
        notes=layout.notes,
        parts=lambda: parts_of(model),
        again=lambda: _adapt_keras2(model, request),
        origin=f"tf_keras model {model.name!r}",
    )
