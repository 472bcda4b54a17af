"""Keras models as functions of images: called as their owners call them, and split at the last activation."""

from __future__ import annotations

from typing import Any, NamedTuple

import keras
import tensorflow as tf

from tf_strattack.classifiers.adapted import Adapted, Network, Shape
from tf_strattack.classifiers.backend import check_backend
from tf_strattack.classifiers.heads import Head, activation_name, head_of, kind_of, notes_on
from tf_strattack.classifiers.identity import parts_of
from tf_strattack.classifiers.inputs import Others, Request, check_floating, check_inputs, choose_image, fill_others
from tf_strattack.classifiers.keras2_models import adapt_keras2
from tf_strattack.classifiers.keras_calls import (
    calls_of,
    epsilon_of,
    is_keras2,
    is_plain,
    one_or_all,
    overridden,
    packed,
)
from tf_strattack.classifiers.layout import CHANNELS_FIRST, SERIES, VOLUMES, Layout, declared_format, layout_of
from tf_strattack.classifiers.outputs import select_output
from tf_strattack.errors import InputError

_UINT8_REMEDY = (
    "build the model again on a float32 input: new = keras.models.clone_model(model, "
    "input_tensors=keras.Input((H, W, C))), then new.set_weights(model.get_weights())"
)


class _Inputs(NamedTuple):
    """How images become the inputs of a model.

    Attributes:
      raw: (images, positions) → the inputs of the owner's `predict`, in the order in which the model declares them.
      feed: the same for a call, after the model's own preprocessor.
      preprocessor: the preprocessor, if its `predict` applies one.
      rows, shape, notes: as in `Adapted`.
    """

    raw: Network
    feed: Network
    preprocessor: Any
    rows: int | None
    shape: Shape | None
    notes: tuple[str, ...]


def adapt_keras(model: Any, request: Request) -> Adapted:
    """Adapts a model of Keras 3, or of Keras 2, in inference mode.

    Raises:
      InputError: another kind of object, or a model that cannot be attacked as it is.
    """
    if is_keras2(model):
        return adapt_keras2(model, request)
    _check_keras(model)
    inputs = _inputs(model, request)
    call, predict, inside = calls_of(model, inputs.preprocessor)
    end = _end(model, request.output) if getattr(model, "outputs", None) else None
    seen = _seen(end) if inside is None and is_plain(model) else None
    head = None if seen is None else head_of(seen)
    raw, feed = inputs.raw, inputs.feed
    return Adapted(
        function=lambda images, positions: call(packed(model, feed(images, positions))),
        image_shape=inputs.shape,
        outputs=None if seen is None else kind_of(seen),
        logits=None if head is None else _logits(model, head, feed),
        head=head,
        output_names=tuple(getattr(model, "output_names", None) or ()),
        inside=inside,
        predict=None if predict is None else lambda images, positions: predict(packed(model, raw(images, positions))),
        epsilon=epsilon_of(model),
        rows=inputs.rows,
        model=model,
        feed=feed,
        notes=inputs.notes if end is None else (*inputs.notes, *notes_on(model, end)),
        parts=lambda: parts_of(model),
        again=lambda: adapt_keras(model, request),
        origin=f"keras model {model.name!r}",
    )


def _inputs(model: Any, request: Request) -> _Inputs:
    """The image input, its layout, and the values of the other inputs."""
    known = getattr(model, "inputs", None) or []
    specs = {tensor.name: tf.TensorSpec(tensor.shape, tensor.dtype) for tensor in known}
    check_inputs(request.inputs)
    if request.inputs and not specs:
        raise InputError("expected inputs= with a model that declares its inputs, received one that does not")
    image, tensor, others = None, None, Others(lambda images, _: {"": images}, None)
    if specs:
        image = choose_image(specs, request.inputs or {})
        tensor = known[list(specs).index(image)]
    layout = _layout(model, tensor, request.data_format)
    if image is not None:
        others = fill_others(specs, image, request.inputs or {})
    names = list(specs) or [""]

    def raw(images: tf.Tensor, positions: tf.Tensor | None) -> list[tf.Tensor]:
        filled = others.fill(layout.feed(images), positions)
        return [filled[name] for name in names]

    own = getattr(model, "preprocessor", None)
    if not callable(own) or not overridden(model, "predict"):
        return _Inputs(raw, raw, None, others.rows, layout.shape, tuple(layout.notes))
    # As the `predict` of KerasHub does; the preprocessor resizes images of any size.
    note = "the model's own preprocessor is applied to the images, as its predict does"
    return _Inputs(raw, lambda images, _: [own(images)], own, others.rows, None, (note,))


def _logits(model: Any, head: Head, feed: Network) -> Network:
    """The model up to the input of its last activation."""
    body = keras.Model(one_or_all(list(model.inputs)), head.before)
    return lambda images, positions: head.logits(body(one_or_all(feed(images, positions)), training=False))


def _check_keras(model: Any) -> None:
    if not isinstance(model, keras.Model):
        raise InputError(f"expected a keras.Model, received {type(model).__name__}")
    check_backend()


def _layout(model: Any, tensor: Any, data_format: str | None) -> Layout:
    """The layout of the image input `tensor`, None where the model declares none; its layers must not contradict."""
    if tensor is None:
        return layout_of(None, data_format)
    spec = tf.TensorSpec(tensor.shape, tensor.dtype)
    check_floating(spec, _UINT8_REMEDY)
    declared = declared_format(model, tensor)
    folded = data_format in (SERIES, VOLUMES) and declared != CHANNELS_FIRST
    if declared is not None and data_format not in (None, declared) and not folded:
        raise InputError(
            f"expected data_format={declared!r}, as the model's layers say, received {data_format!r}",
            option="data_format",
        )
    layout = layout_of(spec, data_format or declared, tensor.name)
    if declared is None or data_format is not None or len(tensor.shape) != 3:
        return layout
    # If layers with a format act on (N, steps, channels), it is a series; otherwise it would be grey images (N, H, W).
    note = "the network's input is taken for grey images (N, H, W): state data_format='series' if it is (N, steps, C)"
    return layout._replace(notes=(*layout.notes, note))


def _seen(end: Any) -> Any:
    """The end of a model whose call is nothing but its layers.

    Raises:
      InputError: a softmax over one class.
    """
    if end is not None and end.shape[-1] == 1 and activation_name(end) == "softmax":
        raise InputError(
            "expected several classes, received a softmax over one, which is 1 for every image: use a sigmoid"
        )
    return end


def _end(model: Any, output: str | int | None) -> Any:
    """The Keras tensor of class scores.

    Raises:
      InputError: no output or several, or scores that say nothing.
    """
    outputs = model.outputs
    # A call that returns something other than its layers has no visible end.
    if len(outputs) == 1 and (output is None or not is_plain(model)):
        return outputs[0]
    return select_output(
        getattr(model, "_outputs_struct", outputs[0]), output, getattr(model, "output_names", None) or ()
    )
