"""The calls of a PyTorch module within TensorFlow's programs: a forward pass, and the backward pass that belongs to it.

TensorFlow runs them in threads of its own, in which autograd is set as it is needed, whatever the caller's thread has.
"""

from __future__ import annotations

import contextlib
import itertools
from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from tf_strattack.runtime.causes import cause_of, out_of_memory
from tf_strattack.runtime.rows import pad_rows

Array = npt.NDArray[Any]

# The numbers of forward passes whose autograd graph is kept; 0 is none.
_NUMBERS = itertools.count(1)


class Module(Protocol):
    """What calls need of a module."""

    @property
    def torch(self) -> Any:
        """The package."""

    def inputs(self, images: Array) -> Any:
        """A tensor (N, C, H, W) of images (N, H, W, C)."""

    def scores(self, inputs: Any) -> Any:
        """The class scores (N, K), a tensor, of a tensor (N, C, H, W)."""


class Call:
    """A place in a program where a module is called.

    A program that takes the gradient says so while it is traced. From then on each forward pass there keeps autograd's
    graph for the backward pass that follows, so a gradient costs one pass forward and one backward. There is never more
    than one graph: a backward pass that does not find its own (eager execution, several threads) computes it again.

    Without `padding`, rows at the end of a batch that repeat its first row, which fill up a batch, are not computed but
    take its results. A row then depends on their number by rounding; use it where evaluations are counted by row.
    """

    def __init__(self, module: Module, *, padding: bool) -> None:
        """A call of which nothing is computed yet."""
        self._module = module
        self._padding = padding
        self._has_gradient = False
        # The number of the last forward pass, its input and its scores, which hold autograd's graph.
        self._kept: tuple[int, Any, Any] | None = None

    def scores(self, images: tf.Tensor, classes: int | None) -> tf.Tensor:
        """Scores (N, K) of images (N, H, W, C), float32; `classes` is K, if known."""

        def called(images: tf.Tensor) -> Any:
            scores, number = tf.numpy_function(self._forward, [images], (tf.float32, tf.int64))
            if not tf.executing_eagerly():
                scores.set_shape([images.shape[0], classes])

            def gradient(upstream: tf.Tensor) -> tf.Tensor:
                self._has_gradient = True
                slope = tf.numpy_function(self._backward, [images, upstream, number], tf.float32)
                return tf.ensure_shape(slope, images.shape)

            return scores, gradient

        return tf.custom_gradient(called)(images)

    def _forward(self, images: Array) -> tuple[Array, Array]:
        rows = len(images) if self._padding else _distinct(images)
        with _autograd(self._module.torch, enabled=self._has_gradient):
            inputs = self._module.inputs(images[:rows])
            scores = self._module.scores(inputs.requires_grad_(self._has_gradient))
        number = 0
        if self._has_gradient:
            number = next(_NUMBERS)
            self._kept = number, inputs, scores
        return self._filled(_array(scores), len(images)), np.array(number, np.int64)

    def _backward(self, images: Array, upstream: Array, number: Array) -> Array:
        """The gradient (N, H, W, C) of scores weighted by `upstream` (N, K)."""
        kept, self._kept = self._kept, None
        rows = len(images) if self._padding else max(_distinct(images), _distinct(upstream))
        torch = self._module.torch
        with _autograd(torch, enabled=True):
            if kept is None or kept[0] != int(number) or len(kept[1]) != rows:
                inputs = self._module.inputs(images[:rows]).requires_grad_()
                scores = self._module.scores(inputs)
            else:
                _, inputs, scores = kept
            weights = torch.from_numpy(upstream[:rows].copy()).to(scores.device, scores.dtype)
            try:
                (slope,) = torch.autograd.grad(scores, inputs, weights)
            except RuntimeError as error:
                if lacks_memory(error):
                    raise MemoryError(cause_of(error)) from error
                # TensorFlow's error for an operation without a gradient.
                raise NotImplementedError(cause_of(error)) from error
        return self._filled(_array(slope).transpose(0, 2, 3, 1), len(images))

    def _filled(self, values: Array, rows: int) -> Array:
        """An array of its own memory: TensorFlow may write into it, but not into what autograd keeps."""
        return np.array(values if self._padding else pad_rows(values, rows), np.float32, order="C")


@contextlib.contextmanager
def _autograd(torch: Any, *, enabled: bool) -> Iterator[None]:
    with torch.inference_mode(False), torch.set_grad_enabled(enabled):
        yield


def _array(tensor: Any) -> Array:
    array: Array = tensor.detach().float().cpu().numpy()
    return array


def _distinct(rows: Array) -> int:
    """The number of rows without those at the end that repeat the first."""
    number = len(rows)
    while number > 1 and np.array_equal(rows[number - 1], rows[0]):
        number -= 1
    return number


def lacks_memory(error: Exception) -> bool:
    """Whether PyTorch, on the CPU or a GPU, ran out of memory."""
    text = str(error).lower()
    return out_of_memory(error) or "out of memory" in text or "can't allocate memory" in text
