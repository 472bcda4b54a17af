"""PyTorch modules as functions of images: called in Python from TensorFlow's programs, with autograd's gradients."""

from __future__ import annotations

import importlib
from collections.abc import Iterator
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from tf_strattack.classifiers.adapted import Adapted
from tf_strattack.classifiers.outputs import select_output
from tf_strattack.classifiers.torch_calls import Call, lacks_memory
from tf_strattack.errors import InputError
from tf_strattack.runtime.causes import cause_of

_CUT = (
    "detach(), torch.no_grad(), NumPy, and operations on integers cut it; pass the trained module as it was before "
    "quantization or export"
)
_EVAL = "call module.eval() first, which switches dropout off and batch normalization to its averages"


def required_torch() -> Any:
    """The package torch.

    Raises:
      InputError: it is not installed.
    """
    try:
        return importlib.import_module("torch")
    except ImportError as error:
        raise InputError('expected PyTorch, received none: pip install "tf-strattack[torch]"') from error


def is_of_torch(value: Any) -> bool:
    """Whether a value is a module or another object of PyTorch, which this does not import, and no Keras model."""
    return not isinstance(value, keras.Model) and any(
        kind.__module__.partition(".")[0] == "torch" for kind in type(value).__mro__
    )


def adapt_torch(module: Any, device: Any = None, output: str | int | None = None, *, padding: bool = True) -> Adapted:
    """Adapts a module, or another function of tensors (N, C, H, W), as it is called in Python.

    Its weights, layers and hooks are read at every call, so a compiled program never holds old ones.

    Args:
      module: a `torch.nn.Module` in eval mode, or a function of tensors that autograd can follow.
      device: where its tensors are made; None for the device of its parameters, else the CPU.
      output: the name or the place of the class scores, if it returns several tensors.
      padding: whether rows that only fill up a batch are computed, too; see `Call`.

    Raises:
      InputError: PyTorch is missing, or the module is of another kind, or in training mode.
    """
    torch = required_torch()
    if not callable(module) or isinstance(module, type | keras.Model):
        raise InputError(
            f"expected a torch.nn.Module, or a function of tensors (N, C, H, W), received {_kind_of(module)}"
        )
    network = _Network(torch, module, device, output, padding)
    network.check_mode()
    owned = isinstance(module, torch.nn.Module)
    return Adapted(
        network,
        epsilon=network.epsilon,
        parts=network.parts if owned else None,
        again=lambda: adapt_torch(module, device, output, padding=padding),
        # What is compiled calls the module as it is at that time.
        may_change=False,
        cut=_CUT,
        origin=f"torch {'module' if owned else 'function'} {getattr(module, '__name__', type(module).__name__)!r}",
    )


def _kind_of(value: Any) -> str:
    if isinstance(value, keras.Model):
        return f"a Keras model, {value.name!r}: pass it to Classifier.from_keras"
    if isinstance(value, type):
        return f"a class: pass an instance, {value.__name__}(...)"
    return f"{type(value).__name__}: torch.load the module, or build it and load its state_dict"


class _Network:
    """A module as a function of images (N, H, W, C): float32 in TensorFlow, the module's own precision in PyTorch."""

    def __init__(self, torch: Any, module: Any, device: Any, output: str | int | None, padding: bool) -> None:
        self._torch = torch
        self._module = module
        self._device = None if device is None else torch.device(device)
        self._output = output
        self._padding = padding
        self._own = isinstance(module, torch.nn.Module)
        # Known from the first call on: the static shape of the scores within programs.
        self._classes: int | None = None

    def __call__(self, images: tf.Tensor, positions: tf.Tensor | None = None) -> tf.Tensor:
        """Scores (N, K) of images (N, H, W, C), with a gradient to the images."""
        shape = images.shape[1:]
        if self._classes is None and not tf.executing_eagerly() and shape.is_fully_defined():
            self.scores(self.inputs(np.zeros((1, *shape), np.float32)))
        return Call(self, padding=self._padding).scores(images, self._classes)

    @property
    def torch(self) -> Any:
        """The package."""
        return self._torch

    def inputs(self, images: np.ndarray[Any, Any]) -> Any:
        """A contiguous tensor (N, C, H, W) on the module's device, of its own memory."""
        # A copy, as TensorFlow may use the memory of `images` again; contiguous, as a module may call `view`.
        tensor = self._torch.from_numpy(images.transpose(0, 3, 1, 2).copy())
        dtype = next((one.dtype for one in self._tensors() if one.is_floating_point()), self._torch.float32)
        return tensor.to(self._place(), dtype)

    def scores(self, inputs: Any) -> Any:
        """The class scores (N, K), a tensor, of a tensor (N, C, H, W).

        Raises:
          InputError: a module in training mode, or one that cannot take such tensors or returns something else.
          MemoryError: too little memory.
        """
        self.check_mode()
        try:
            outputs = self._module(inputs)
        except Exception as error:  # a user's module can raise anything
            if lacks_memory(error):
                raise MemoryError(cause_of(error)) from error
            raise InputError(
                f"expected a module that takes tensors (N, C, H, W) = {tuple(inputs.shape)}, made from images (N, H, "
                f"W, C), received: {cause_of(error)}"
            ) from error
        scores = select_output(outputs, self._output)
        if not isinstance(scores, self._torch.Tensor):
            raise InputError(
                f"expected a module that returns a tensor of class scores, received {type(scores).__name__}"
            )
        if not scores.is_floating_point():
            raise InputError(
                f"expected class scores in floating point, received {str(scores.dtype).removeprefix('torch.')}: return "
                "a score for each class"
            )
        return self._checked(scores[:, None] if scores.ndim == 1 else scores, len(inputs))

    def _checked(self, scores: Any, rows: int) -> Any:
        if self._classes is None:
            if scores.ndim == 2 and len(scores) == rows:
                self._classes = int(scores.shape[1])
        elif tuple(scores.shape) != (rows, self._classes):
            raise InputError(
                f"expected scores of shape ({rows}, {self._classes}), as at the first call, received "
                f"{tuple(scores.shape)}: make a new Classifier after a change of the module"
            )
        return scores

    def check_mode(self) -> None:
        """Refuses a module in training mode.

        Raises:
          InputError: it, or one of the modules within it, is.
        """
        if not self._own:
            return
        training = [name for name, one in self._module.named_modules() if one.training]
        if training:
            where = f" in {training[0]!r}" if training[0] else ""
            raise InputError(f"expected a module in eval mode, received one in training mode{where}: {_EVAL}")

    def parts(self) -> list[Any]:
        """What the checks of the first use depend on; weights may change, as long as they are the same tensors."""
        tensors = [part for one in self._tensors() for part in (one, f"{one.dtype} {tuple(one.shape)} {one.device}")]
        modules = [part for one in self._module.modules() for part in (one, one.training, vars(one).get("forward"))]
        return [*modules, *tensors]

    @property
    def epsilon(self) -> float:
        """The relative rounding of parameters in half precision, 0 if there are none."""
        torch = self._torch
        coarse = {torch.bfloat16: 2.0**-7, torch.float16: 2.0**-10}
        return max((coarse.get(one.dtype, 0.0) for one in self._tensors()), default=0.0)

    def _tensors(self) -> Iterator[Any]:
        if self._own:
            yield from self._module.parameters()
            yield from self._module.buffers()

    def _place(self) -> Any:
        if self._device is not None:
            return self._device
        return next((one.device for one in self._tensors()), self._torch.device("cpu"))
