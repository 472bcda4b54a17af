"""Classifier: any image classifier as a differentiable function from images to logits."""

from __future__ import annotations

import functools
from collections.abc import Callable, Hashable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

from tf_strattack import devices
from tf_strattack.adapters import Adapted, adapt_keras, adapt_saved_model, load_or_explain, select_output
from tf_strattack.checks import Images, check_bounds, check_count, check_images
from tf_strattack.errors import InputError
from tf_strattack.feature_maps import FeatureMaps, class_scores, find_feature_maps
from tf_strattack.inspection import inspect


class Classifier:
    """A network as the attacks see it: NHWC float32 images within `bounds` in, logits out.

    Make one with `from_keras`, `from_saved_model`, `from_callable` or `load`. At first use the network is
    looked at once, on the first images: shape and finiteness of its output, logits or probabilities,
    a gradient that flows, the same output from call to call. Programs compiled for it live as long as it.

    Attributes:
      bounds: (lower, upper) of valid pixels, in the caller's scale.
      image_shape: (H, W, C), None for what is not fixed; None altogether where unknown.
      num_classes: the number of classes, None until first use.
      outputs: "logits" or "probabilities", None until first use unless stated.

    Example:
      >>> import numpy as np, tensorflow as tf, tf_strattack as sa
      >>> weights = tf.constant(np.eye(4, 3), tf.float32)
      >>> linear = lambda x: tf.reshape(x, [-1, 4]) @ weights
      >>> classifier = sa.Classifier.from_callable(linear, bounds=(0.0, 1.0))
      >>> classifier.predict(np.full((2, 2, 2, 1), 0.5)).shape
      (2, 3)
    """

    def __init__(
        self,
        adapted: Adapted,
        *,
        bounds: Sequence[float] = (0.0, 1.0),
        preprocessing: Callable[[tf.Tensor], tf.Tensor] | None = None,
        outputs: str | None = None,
        output: str | None = None,
    ) -> None:
        """Wraps an adapted network; prefer the `from_...` constructors.

        Args:
          adapted: the network as a function, and what is known of its input.
          bounds: (lower, upper) of valid pixels, the scale in which images are given and returned.
          preprocessing: applied to images inside the graph, before the network; must be differentiable.
          outputs: "logits" or "probabilities"; None finds out at first use.
          output: which of several named outputs holds the class scores.

        Raises:
          InputError: bounds that are no interval, or an unknown kind of outputs.
        """
        if outputs not in (None, "logits", "probabilities"):
            raise InputError(f"expected outputs to be 'logits' or 'probabilities', received {outputs!r}")
        self.bounds = check_bounds(bounds)
        # With preprocessing, the shape that the network declares need not be that of the images.
        self.image_shape = None if preprocessing else adapted.image_shape
        # What is known of the function counts: a softmax that the caller has seen may have been taken off.
        self.outputs = adapted.outputs or outputs
        self.num_classes: int | None = None
        self._adapted = adapted
        self._preprocessing = preprocessing
        self._output = output
        self._remembered: dict[Hashable, Any] = {}

    @classmethod
    def from_keras(cls, model: keras.Model, *, inputs: Mapping[str, Any] | None = None, **options: Any) -> Classifier:
        """Wraps a Keras 3 model: Sequential, functional or subclassed.

        A final softmax that can be seen (a Softmax layer, or a last layer activated by it) is left out. Of a model with
        several inputs one is the image; the others get `inputs` by name, the same for every image, or zeros.

        Args:
          model: takes (N, H, W, C), or (N, C, H, W), and is fed from (N, H, W, C) in both cases.
          inputs: values of other inputs by name, without the axis of the batch.
          **options: those of `Classifier`: bounds, preprocessing, outputs, output.

        Raises:
          InputError: another kind of object, or inputs that cannot be told apart or fed.
        """
        return cls(adapt_keras(model, inputs), **options)

    @classmethod
    def from_saved_model(
        cls,
        path: str | Path,
        *,
        signature: str | None = None,
        inputs: Mapping[str, Any] | None = None,
        **options: Any,
    ) -> Classifier:
        """Wraps a SavedModel directory: its `signature` if named, else the object, `serve` or its signature.

        Of a signature with several inputs one is the image; the others get `inputs` by name, the same for every image,
        or zeros. An image input (N, C, H, W) is fed from (N, H, W, C).

        Args:
          path: the directory.
          signature: its name; None for the object itself where it can be called, else `serve` or the only signature.
          inputs: values of other inputs by name, without the axis of the batch.
          **options: those of `Classifier`: bounds, preprocessing, outputs, output.

        Raises:
          InputError: no SavedModel, an unknown signature, or an input that is no batch of floating-point images.
        """
        return cls(adapt_saved_model(path, signature, inputs), **options)

    @classmethod
    def from_callable(cls, function: Callable[[tf.Tensor], Any], **options: Any) -> Classifier:
        """Wraps a function from (N, H, W, C) float32 images to (N, K) scores.

        Args:
          function: made of TensorFlow operations; images are in the scale of `bounds`.
          **options: those of `Classifier`: bounds, preprocessing, outputs, output.

        Raises:
          InputError: something that cannot be called.
        """
        if not callable(function):
            raise InputError(f"expected a callable, received {type(function).__name__}")
        return cls(Adapted(function), **options)

    @classmethod
    def load(cls, path: str | Path, **options: Any) -> Classifier:
        """Loads a `.keras` file or a SavedModel directory, whichever `path` is.

        Keras files are loaded in safe mode; a SavedModel can do whatever TensorFlow's operations can: see SECURITY.md.

        Args:
          path: the file or directory; `.h5` files of Keras are read too.
          **options: those of `from_keras` or `from_saved_model`, and so of `Classifier`.

        Raises:
          InputError: nothing of the kind, a file that cannot be read or holds Python code, or one without gradients.
        """
        path = Path(path)
        if path.is_dir():
            if not (path / "saved_model.pb").exists():
                raise InputError(f"expected a SavedModel directory, received {path}, which has no saved_model.pb")
            return cls.from_saved_model(path, **options)
        if path.suffix == ".tflite":
            raise InputError(
                f"expected a network with gradients, received {path}: TFLite keeps none; pass the model that it was "
                "converted from"
            )
        if not path.exists():
            raise InputError(f"expected a .keras file or a SavedModel directory, received {path}, which does not exist")
        if path.suffix not in (".keras", ".h5"):
            raise InputError(f"expected a .keras file or a SavedModel directory, received {path}")

        def load_keras() -> keras.Model:
            return keras.saving.load_model(path, compile=False, safe_mode=True)

        return cls.from_keras(load_or_explain(load_keras, path, "a Keras model"), **options)

    def scores(self, images: tf.Tensor) -> tf.Tensor:
        """What the network returns for `images` (N, H, W, C), a tensor in the caller's scale: (N, K) float32."""
        outputs = self._adapted.function(self._preprocessed(images))
        return tf.cast(select_output(outputs, self._output), tf.float32)

    def logits(self, images: tf.Tensor) -> tf.Tensor:
        """Logits (N, K) of `images` (N, H, W, C), a tensor in the caller's scale; differentiable, within a graph too.

        Probabilities become log-probabilities, which have the same margins as the logits behind them.
        """
        return self._as_logits(self.scores(images))

    def feature_maps(self, layer: str | None = None, *, pooled: bool = False) -> FeatureMaps:
        """The feature maps of a layer of a Keras model, for `interpret`; arguments as of `find_feature_maps`.

        Images go in in the caller's scale, and maps come out in the precision of their layer.

        Raises:
          InputError: another network than a Keras model, or a layer that is not there.
        """
        if not isinstance(layer, str | None):
            raise InputError(f"expected layer= to be the name of a layer, received {layer!r}")

        def find() -> FeatureMaps:
            model, feed = self._adapted.model, self._adapted.feed
            if model is None or feed is None:
                raise InputError(
                    "expected a Keras model, whose layers can be seen, received another kind of network: load its "
                    ".keras file, or use asm, which needs no layers"
                )
            end = class_scores(model, functools.partial(select_output, name=self._output))
            found = find_feature_maps(model, end, layer, pooled=pooled)

            def network(images: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
                maps, scores = found.network(feed(self._preprocessed(images)))
                scores = tf.cast(scores, tf.float32)
                return maps, scores if found.without_softmax else self._as_logits(scores)

            return found._replace(network=network)

        found: FeatureMaps = self.remembered(("feature_maps", layer, pooled), find)
        return found

    def predict(self, images: Any, batch_size: int | None = None) -> npt.NDArray[np.float32]:
        """Computes the logits of an array of images.

        Args:
          images: (N, H, W, C) numbers within the bounds.
          batch_size: images at a time; None chooses by the size of an image.

        Returns:
          (N, K) float32; logarithms of probabilities where the network returns these.

        Raises:
          InputError: images of another shape or outside the bounds, or a network that fails a check.
        """
        array = self.prepare(images)
        parts = self.stream("logits", self.logits, array, batch_size=batch_size)
        return np.concatenate([np.zeros((0, self.num_classes or 0), np.float32), *parts])

    def stream(
        self, key: Hashable, function: Callable[..., tf.Tensor], images: Images, *rows: Any, batch_size: int | None
    ) -> Iterator[npt.NDArray[Any]]:
        """Yields `function` of images (N, H, W, C), and of further arrays (N, ...), `batch_size` rows at a time.

        Compiled as by `program`; batches are padded to what the devices need. None chooses by the size of an image.

        Raises:
          InputError: a batch size that is no whole number of at least 1.
        """
        default = devices.default_batch_size(images.shape[1:])
        size = default if batch_size is None else check_count("batch_size", batch_size)
        for start in range(0, len(images), size):
            chunks = [array[start : start + size] for array in (images, *rows)]
            count = len(chunks[0])
            whole = devices.padded(count, images.shape[1:])
            batch = [tf.constant(pad_rows(chunk, whole)) for chunk in chunks]
            yield self.program(key, function, *batch)(*batch)[:count].numpy()

    def prepare(self, images: Any) -> Images:
        """Checks `images` (N, H, W, C), and at first use the network on them; returns them as float32.

        Raises:
          InputError: images of another kind, shape or range, or a network that fails a check.
        """
        array = check_images(images, self.bounds, self.image_shape)
        if self.num_classes is None and len(array):
            rows = devices.least_rows(array.shape[1:])
            self.num_classes, self.outputs = inspect(
                self.scores, self.outputs, pad_rows(array[:rows], rows), min(rows, len(array))
            )
        return array

    def remembered(self, key: Hashable, make: Callable[[], Any]) -> Any:
        """What `make` returned when it was first called for `key`: kept as long as this classifier."""
        if key not in self._remembered:
            self._remembered[key] = make()
        return self._remembered[key]

    def program(self, key: Hashable, function: Callable[..., Any], *example: Any) -> Callable[..., Any]:
        """Returns `function` as a graph for any number of rows, traced once for `key` and this image shape.

        Args:
          key: tells functions apart, with all that their graphs depend on besides the shape of `example`.
          function: takes tensors, or named tuples of tensors, in which the first axis is the rows.
          *example: arguments to take types and shapes from.
        """

        def spec(tensor: tf.Tensor) -> tf.TensorSpec:
            return tf.TensorSpec([None, *tensor.shape[1:]] if tensor.shape.rank else [], tensor.dtype)

        specs = tf.nest.map_structure(spec, example)

        def compile_program() -> Callable[..., Any]:
            # A partial has no code object, by which TensorFlow would count the programs as retracings of one.
            whole = functools.partial(devices.split(function))
            return tf.function(whole, input_signature=specs, autograph=False)

        compiled: Callable[..., Any] = self.remembered(("program", key, str(specs)), compile_program)
        return compiled

    def _preprocessed(self, images: tf.Tensor) -> tf.Tensor:
        return images if self._preprocessing is None else self._preprocessing(images)

    def _as_logits(self, scores: tf.Tensor) -> tf.Tensor:
        if self.outputs == "probabilities":
            return tf.math.log(tf.maximum(scores, np.finfo(np.float32).tiny))
        return scores


def pad_rows(array: npt.NDArray[Any], rows: int) -> npt.NDArray[Any]:
    """Repeats the first row until there are at least `rows`."""
    missing = rows - len(array)
    return np.concatenate([array, np.repeat(array[:1], missing, axis=0)]) if missing > 0 else array
