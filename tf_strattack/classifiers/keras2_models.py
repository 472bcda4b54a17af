"""Models of Keras 2 (the package tf_keras) as functions of images."""

from __future__ import annotations

from typing import Any

import tensorflow as tf

from tf_strattack.classifiers.adapted import Adapted
from tf_strattack.classifiers.identity import parts_of
from tf_strattack.classifiers.inputs import Request, check_inputs
from tf_strattack.classifiers.keras_calls import calls_of, epsilon_of
from tf_strattack.classifiers.layout import CHANNELS_FIRST, layout_of
from tf_strattack.errors import InputError


def adapt_keras2(model: Any, request: Request) -> Adapted:
    """Adapts a model of Keras 2 as a function, without a look at its layers."""
    check_inputs(request.inputs)
    if request.inputs:
        raise InputError("expected inputs= with a model of Keras 3 or a SavedModel, received a model of Keras 2")
    shape = getattr(model, "input_shape", None) if getattr(model, "built", False) else None
    spec = tf.TensorSpec(shape) if isinstance(shape, tuple) else None
    first = CHANNELS_FIRST if getattr(model, "main_input_name", None) == "pixel_values" else None
    layout = layout_of(spec, request.data_format or first)
    call, predict, inside = calls_of(model, None)

    def function(images: tf.Tensor, positions: tf.Tensor | None) -> Any:
        return call(layout.feed(images))

    return Adapted(
        function,
        layout.shape,
        inside=inside,
        output_names=tuple(getattr(model, "output_names", None) or ()),
        predict=None if predict is None else lambda images, positions: predict(layout.feed(images)),
        epsilon=epsilon_of(model),
        notes=layout.notes,
        parts=lambda: parts_of(model),
        again=lambda: adapt_keras2(model, request),
        origin=f"tf_keras model {model.name!r}",
    )
