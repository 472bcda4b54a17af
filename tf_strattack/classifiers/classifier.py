"""Classifier: any image classifier as a differentiable function from images to logits."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import tensorflow as tf

from tf_strattack.classifiers.adapted import Adapted
from tf_strattack.classifiers.feature_maps import FeatureMaps, class_scores, find_feature_maps
from tf_strattack.classifiers.files import load_keras
from tf_strattack.classifiers.inputs import Request
from tf_strattack.classifiers.keras_models import adapt_keras
from tf_strattack.classifiers.layout import layout_of
from tf_strattack.classifiers.outputs import LOGITS, as_logits, check_output, select_output
from tf_strattack.classifiers.own_network import OwnNetwork
from tf_strattack.classifiers.saved_models import adapt_saved_model
from tf_strattack.classifiers.torch_modules import adapt_torch, is_of_torch
from tf_strattack.errors import InputError
from tf_strattack.runtime.loading import check_is_there


class Classifier(OwnNetwork):
    """A network as attacks see it: from float32 images (N, H, W, C) within `bounds` to logits.

    Make one with `from_keras`, `from_saved_model`, `from_callable`, `from_torch` or `load`. The first use checks the
    network once, on the first images and on noise: the shape and finiteness of its output, whether it returns logits or
    probabilities, whether a gradient flows, and whether an output depends on nothing but its image. The output of the
    network, called as its owner calls it, decides whether an image is classified correctly or fools it; logits in front
    of a softmax or sigmoid serve for gradients. Compiled programs live as long as the classifier.

    Attributes:
      bounds: (lower, upper) of valid pixels, in the caller's scale.
      image_shape: (H, W, C), with None for sizes that are not fixed; None if unknown.
      num_classes: the number of classes, None until first use.
      outputs: "logits", "probabilities" (which sum to 1) or "sigmoid" (one per class): the output from which the logits
        for attacks are computed; None until first use unless stated or known.
      stochastic: whether its owner says that it is random from call to call; attack it with an `Expectation`.

    Example:
      >>> import numpy as np, tensorflow as tf, tf_strattack as sa
      >>> weights = tf.constant(np.arange(12.0).reshape(4, 3) - 6, tf.float32)
      >>> linear = lambda x: tf.reshape(x, [-1, 4]) @ weights
      >>> classifier = sa.Classifier.from_callable(linear, bounds=(0.0, 1.0))
      >>> classifier.predict(np.full((2, 2, 2, 1), 0.5)).shape
      (2, 3)
      >>> classifier
      Classifier(function '<lambda>', images of unknown shape, 3 classes, bounds (0.0, 1.0))
    """

    def __repr__(self) -> str:
        """The network and what is known of it so far; this does not call the network."""
        shape = "of unknown shape" if self.image_shape is None else self.image_shape
        classes = "classes not known yet" if self.num_classes is None else f"{self.num_classes} classes"
        return f"{type(self).__name__}({self._adapted.origin}, images {shape}, {classes}, bounds {self.bounds})"

    @classmethod
    def from_keras(
        cls,
        model: Any,
        *,
        inputs: Mapping[str, Any] | None = None,
        data_format: str | None = None,
        **options: Any,
    ) -> Classifier:
        """Wraps a model of Keras 3 (Sequential, functional or subclassed), or of Keras 2 (tf_keras).

        Gradients are taken in front of a visible final softmax or sigmoid (a Softmax layer, or a Dense or Activation
        layer with one). If the model has a `preprocessor`, which its `predict` applies, or a `predict_step` of its own,
        it is applied after `preprocessing`. If the model has several inputs, exactly one must be the image; the others
        take the values given in `inputs`, or zeros.

        Args:
          model: takes (N, H, W, C), (N, C, H, W), (N, H, W) or (N, F), and is fed from (N, H, W, C) in all cases.
          inputs: values of the other inputs by name: one value shared by all images, or a row for each image.
          data_format: "channels_last", "channels_first", "series" or "volumes"; None takes the format of its layers.
            Images are always (N, H, W, C): "series" (N, T, C) become (N, 1, T, C) by `images.from_series`, and
            "volumes" (N, D, H, W, C) become (N, D H, W, C) by `images.from_volumes`.
          **options: those of `Classifier`: bounds, preprocessing, outputs, output, stochastic.

        Raises:
          InputError: another kind of object, inputs among which the image is not clear, or values that do not fit.
        """
        return cls(adapt_keras(model, Request(inputs, data_format, check_output(options.get("output")))), **options)

    @classmethod
    def from_saved_model(
        cls,
        path: str | Path,
        *,
        signature: str | None = None,
        inputs: Mapping[str, Any] | None = None,
        data_format: str | None = None,
        **options: Any,
    ) -> Classifier:
        """Wraps a SavedModel directory: its `signature` if named, else the object, `serve` or its signature.

        If a signature has several inputs, exactly one must be the image; the others take the values given in `inputs`,
        or zeros.

        Args:
          path: the directory.
          signature: its name; None for the object itself if it can be called, else `serve` or the only signature.
          inputs: values of the other inputs by name: one value shared by all images, or a row for each image.
          data_format: as in `from_keras`; None guesses if the shape of the input can only mean one.
          **options: those of `Classifier`: bounds, preprocessing, outputs, output, stochastic.

        Raises:
          InputError: not a SavedModel, an unknown signature, or an input that is not a batch of floating-point images.
        """
        adapted = adapt_saved_model(path, signature, Request(inputs, data_format))
        return cls(adapted._replace(origin=f"SavedModel {Path(path).name!r}"), **options)

    @classmethod
    def from_callable(
        cls, function: Callable[[tf.Tensor], Any], *, data_format: str | None = None, **options: Any
    ) -> Classifier:
        """Wraps a function from (N, H, W, C) float32 images to (N, K) scores.

        Args:
          function: it consists of TensorFlow operations; images are in the scale of `bounds`.
          data_format: "channels_first" if it takes (N, C, H, W), "series" if it takes (N, T, C).
          **options: those of `Classifier`: bounds, preprocessing, outputs, output, stochastic.

        Raises:
          InputError: something that cannot be called, or a PyTorch module.
        """
        if not callable(function):
            raise InputError(f"expected a callable, received {type(function).__name__}")
        if is_of_torch(function):
            raise InputError(
                "expected a function of TensorFlow operations, received a PyTorch module: "
                "Classifier.from_torch(module.eval(), bounds=(0, 1))"
            )
        feed = layout_of(None, data_format).feed
        name = getattr(function, "__name__", type(function).__name__)
        return cls(Adapted(lambda images, _: function(feed(images)), origin=f"function {name!r}"), **options)

    @classmethod
    def from_torch(cls, module: Any, *, device: Any = None, **options: Any) -> Classifier:
        """Wraps a PyTorch module (extra `torch`); gradients are those of autograd.

        Images are (N, H, W, C) as everywhere, and the module gets tensors (N, C, H, W) in the precision of its
        parameters. It must be in eval mode, and stays as it is: neither its parameters nor their `grad` change.

        Args:
          module: a `torch.nn.Module`, or a function of tensors that autograd can follow.
          device: the device of its tensors; None for that of its parameters, or the CPU if it has none.
          **options: those of `Classifier`: bounds, preprocessing (of TensorFlow operations), outputs, output,
            stochastic.

        Raises:
          InputError: PyTorch is missing, or the module is of another kind or in training mode.
        """
        output = check_output(options.pop("output", None))
        return cls(adapt_torch(module, device, output), **options)

    @classmethod
    def load(cls, path: str | Path, **options: Any) -> Classifier:
        """Loads a Keras file or a SavedModel directory, whichever `path` is.

        Keras files are loaded in safe mode; a SavedModel can do anything that TensorFlow operations can: see
        SECURITY.md.

        Args:
          path: the directory, or a file of Keras 3 (`.keras`) or of Keras 2 and 3 (HDF5), with any name.
          **options: those of `from_keras` or `from_saved_model`, and so of `Classifier`.

        Raises:
          InputError: neither of these, a file that cannot be read or holds Python code, or a network without gradients.
        """
        if not isinstance(path, str | Path):
            raise InputError(f"expected the path of a Keras file or a SavedModel directory, received {path!r}")
        path = Path(path)
        if path.suffix == ".tflite":
            raise InputError(
                f"expected a network with gradients, received {path}: TFLite keeps none; pass the model that it was "
                "converted from"
            )
        check_is_there(path, "a Keras file or a SavedModel directory")
        if path.is_dir():
            if not (path / "saved_model.pb").exists():
                raise InputError(f"expected a SavedModel directory, received {path}, which has no saved_model.pb")
            return cls.from_saved_model(path, **options)
        if "signature" in options:
            raise InputError(f"expected signature= with a SavedModel directory, received {path}, which is a file")
        return cls.from_keras(load_keras(path), **options)

    def feature_maps(self, layer: str | None = None, *, pooled: bool = False) -> FeatureMaps:
        """The feature maps of a layer of a Keras model, for `interpret`; arguments as in `find_feature_maps`.

        The function of the maps takes images in the caller's scale, and returns maps in the precision of their layer.

        Raises:
          InputError: the network is not a Keras model, or has no such layer.
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
            names = self._adapted.output_names
            end = class_scores(model, functools.partial(select_output, which=self._output, names=names))
            found = find_feature_maps(model, end, layer, pooled=pooled)

            def network(images: tf.Tensor, positions: tf.Tensor) -> tuple[tf.Tensor, tf.Tensor]:
                maps, scores = found.network(feed(self._preprocessed(images), positions))
                scores = tf.cast(scores, tf.float32)
                return maps, as_logits(scores, LOGITS if found.without_head else self._kind)

            return found._replace(network=network)

        found: FeatureMaps = self.remembered(("feature_maps", layer, pooled), find)
        return found
