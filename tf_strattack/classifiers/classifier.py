"""Classifier: any image classifier as a differentiable function from images to logits."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from tf_strattack.checks import Classes, Images, check_bounds, check_choice, check_function
from tf_strattack.classifiers.adapted import Adapted
from tf_strattack.classifiers.feature_maps import FeatureMaps, class_scores, find_feature_maps
from tf_strattack.classifiers.files import load_keras
from tf_strattack.classifiers.inspection import Findings, inspect
from tf_strattack.classifiers.keras_models import Request, adapt_keras
from tf_strattack.classifiers.layout import layout_of
from tf_strattack.classifiers.outputs import KINDS, LOGITS, as_logits, decisive, select_output
from tf_strattack.classifiers.probe import Probe
from tf_strattack.classifiers.programs import Programs
from tf_strattack.classifiers.saved_models import adapt_saved_model
from tf_strattack.classifiers.surroundings import check_surroundings
from tf_strattack.errors import InputError
from tf_strattack.image_checks import check_images
from tf_strattack.losses import fools


class Classifier(Programs):
    """A network as the attacks see it: NHWC float32 images within `bounds` in, logits out.

    Make one with `from_keras`, `from_saved_model`, `from_callable` or `load`. At first use the network is
    looked at once, on the first images and on noise: shape and finiteness of its output, logits or probabilities,
    a gradient that flows, the same output from call to call and whatever else is in the batch. Whether an image is
    classified correctly, or fools the network, is decided by what the network itself returns, called as its owner
    calls it; logits in front of a softmax or sigmoid serve for gradients. Compiled programs live as long as it.

    Attributes:
      bounds: (lower, upper) of valid pixels, in the caller's scale.
      image_shape: (H, W, C), None for what is not fixed; None altogether where unknown.
      num_classes: the number of classes, None until first use.
      outputs: "logits", "probabilities" (that sum to 1) or "sigmoid" (one for each class), what the logits that attacks
        see are computed from; None until first use unless stated or known.

    Example:
      >>> import numpy as np, tensorflow as tf, tf_strattack as sa
      >>> weights = tf.constant(np.eye(4, 3) - 0.5, tf.float32)
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
        output: str | int | None = None,
    ) -> None:
        """Wraps an adapted network; prefer the `from_...` constructors.

        Args:
          adapted: the network as a function, and what is known of its input.
          bounds: (lower, upper) of valid pixels, the scale in which images are given and returned.
          preprocessing: applied to images inside the graph, before the network; must be differentiable.
          outputs: "logits", "probabilities" or "sigmoid"; None finds out at first use.
          output: the name or the place of the output that holds the class scores, where there are several.

        Raises:
          InputError: bounds that are no interval, or options of another kind.
        """
        super().__init__()
        if outputs is not None:
            check_choice("outputs", outputs, KINDS)
        self.bounds = check_bounds(bounds)
        check_function("preprocessing", preprocessing, "lambda images: (images - mean) / std")
        # With preprocessing, the shape that the network declares need not be that of the images.
        self.image_shape = None if preprocessing else adapted.image_shape
        # What is known of the function counts: a softmax that the caller has seen may be taken off.
        self.outputs = LOGITS if adapted.logits is not None else adapted.outputs or outputs
        self.num_classes: int | None = None
        self._stated = outputs
        self._adapted = adapted
        self._preprocessing = preprocessing
        self._output = output
        self._findings: Findings | None = None

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

        Gradients are taken in front of a final softmax or sigmoid that can be seen (a Softmax layer, or a Dense or
        Activation layer with one). A `preprocessor` of the model, which its `predict` applies, is applied, and so is a
        `predict_step` of its own. If the model has several inputs, exactly one must be the image; the others get
        `inputs` by name, or zeros.

        Args:
          model: takes (N, H, W, C), (N, C, H, W), (N, H, W) or (N, F), and is fed from (N, H, W, C) in all cases.
          inputs: values of other inputs by name, for one image (the same for all) or with a row for each image.
          data_format: "channels_last" or "channels_first"; None takes what its layers say.
          **options: those of `Classifier`: bounds, preprocessing, outputs, output.

        Raises:
          InputError: another kind of object, or inputs that cannot be told apart or fed.
        """
        preprocessed = options.get("preprocessing") is not None
        return cls(adapt_keras(model, Request(inputs, data_format, options.get("output"), preprocessed)), **options)

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

        If a signature has several inputs, exactly one must be the image; the others get `inputs` by name, or zeros.

        Args:
          path: the directory.
          signature: its name; None for the object itself where it can be called, else `serve` or the only signature.
          inputs: values of other inputs by name, for one image (the same for all) or with a row for each image.
          data_format: "channels_last" or "channels_first"; None guesses where the shape of the input can only mean one.
          **options: those of `Classifier`: bounds, preprocessing, outputs, output.

        Raises:
          InputError: no SavedModel, an unknown signature, or an input that is no batch of floating-point images.
        """
        return cls(adapt_saved_model(path, signature, Request(inputs, data_format)), **options)

    @classmethod
    def from_callable(
        cls, function: Callable[[tf.Tensor], Any], *, data_format: str | None = None, **options: Any
    ) -> Classifier:
        """Wraps a function from (N, H, W, C) float32 images to (N, K) scores.

        Args:
          function: made of TensorFlow operations; images are in the scale of `bounds`.
          data_format: "channels_first" if it takes (N, C, H, W).
          **options: those of `Classifier`: bounds, preprocessing, outputs, output.

        Raises:
          InputError: something that cannot be called.
        """
        if not callable(function):
            raise InputError(f"expected a callable, received {type(function).__name__}")
        feed = layout_of(None, data_format).feed
        return cls(Adapted(lambda images, _: function(feed(images))), **options)

    @classmethod
    def load(cls, path: str | Path, **options: Any) -> Classifier:
        """Loads a Keras file or a SavedModel directory, whichever `path` is.

        Keras files are loaded in safe mode; a SavedModel can do whatever TensorFlow's operations can: see SECURITY.md.

        Args:
          path: the directory, or a file of Keras 3 (`.keras`) or of Keras 2 and 3 (HDF5), whatever its name.
          **options: those of `from_keras` or `from_saved_model`, and so of `Classifier`.

        Raises:
          InputError: nothing of the kind, a file that cannot be read or holds Python code, or one without gradients.
        """
        if not isinstance(path, str | Path):
            raise InputError(f"expected the path of a Keras file or a SavedModel directory, received {path!r}")
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
        if "signature" in options:
            raise InputError(f"expected signature= with a SavedModel directory, received {path}, which is a file")
        return cls.from_keras(load_keras(path), **options)

    @property
    def resolution(self) -> float:
        """By how much, in logits, rounding in less than float32 can move a margin: 0 for a network in float32."""
        return 0.0 if self._findings is None else self._findings.resolution

    def scores(self, images: tf.Tensor, positions: tf.Tensor | None = None) -> tf.Tensor:
        """What the network returns for `images` (N, H, W, C), a tensor in the caller's scale: (N, K) float32.

        `positions` (N,) are those of the images in the caller's array, for inputs with a row for each; None: 0, 1, ...
        """
        return tf.cast(self._own(images, positions), tf.float32)

    def logits(self, images: tf.Tensor, positions: tf.Tensor | None = None) -> tf.Tensor:
        """Logits (N, K) of `images` (N, H, W, C), a tensor in the caller's scale; differentiable, within a graph too.

        Probabilities become log-probabilities, which have the same margins as the logits behind them, and a single
        score z the two logits (-z, z). `positions` as for `scores`.
        """
        found = self._findings
        if self._adapted.logits is not None and (found is None or found.behind_head):
            values = self._adapted.logits(self._preprocessed(images), positions)
            return as_logits(tf.cast(values, tf.float32), LOGITS)
        return as_logits(self.scores(images, positions), self._kind)

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
        parts = self.stream("logits", self.logits, array, positions_of(array), batch_size=batch_size)
        return np.concatenate([np.zeros((0, self.num_classes or 0), np.float32), *parts])

    def classify(
        self, images: Any, batch_size: int | None = None, *, positions: npt.NDArray[np.int32] | None = None
    ) -> Classes:
        """The classes (N,) that the network itself gives to images: argmax of what it returns.

        Args:
          images: (N, H, W, C) numbers within the bounds.
          batch_size: images at a time; None chooses by the size of an image.
          positions: (N,) as for `scores`.

        Raises:
          InputError: as `predict`.
        """
        array = self.prepare(images, positions)
        own = self._own_scores(array, positions_of(array) if positions is None else positions, batch_size)
        return np.asarray(decisive(tf.constant(own), self._kind)).argmax(axis=1).astype(np.int32)

    def fooled_by(
        self,
        images: Any,
        labels: Classes,
        targets: Classes | None = None,
        *,
        confidence: float = 0.0,
        positions: npt.NDArray[np.int32] | None = None,
        batch_size: int | None = None,
    ) -> npt.NDArray[np.bool_]:
        """Tells (N,) which images fool the network, by what it returns itself: the one test of success.

        The target must score strictly higher than all other classes (untargeted: another class than the label), and,
        in logits, by `confidence`. Where the network computes in less than float32, it must also hold for each image
        alone, as rows are then rounded differently in different batches.

        Args:
          images: (N, H, W, C) numbers within the bounds.
          labels: (N,) integers, the true classes.
          targets: (N,) integers, the classes to reach; None for untargeted examples.
          confidence: in logits.
          positions: (N,) as for `scores`.
          batch_size: images at a time; None chooses by the size of an image.
        """
        array = self.prepare(images, positions)
        places = positions_of(array) if positions is None else positions
        classes, targeted = (labels, False) if targets is None else (targets, True)

        def fooling(scores: npt.NDArray[np.float32]) -> npt.NDArray[np.bool_]:
            own, wanted = tf.constant(scores), tf.constant(classes, tf.int32)
            found = fools(decisive(own, self._kind), wanted, targeted, 0.0)
            return np.asarray(found & fools(as_logits(own, self._kind), wanted, targeted, confidence))

        found = fooling(self._own_scores(array, places, batch_size))
        if self.resolution > 0 and len(array):
            rows = [(tf.constant(array[i : i + 1]), tf.constant(places[i : i + 1])) for i in range(len(array))]
            found = found & fooling(np.concatenate([self.scores(*row).numpy() for row in rows]))
        return found

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

    def prepare(self, images: Any, positions: npt.NDArray[np.int32] | None = None) -> Images:
        """Checks `images` (N, H, W, C), and at first use the network on them; returns them as float32.

        Raises:
          InputError: images of another kind, shape or range, a network that fails a check, a call within a graph, or
            another number of images than other inputs have rows (if `positions` does not say which these are).
        """
        check_surroundings()
        array = check_images(images, self.bounds, self.image_shape)
        rows = self._adapted.rows
        if rows is not None and positions is None and len(array) != rows:
            raise InputError(f"expected {rows} images, one for each row of inputs=, received {len(array)}")
        if self._findings is None and len(array):
            self._inspect(array)
        return array

    def _inspect(self, images: Images) -> None:
        adapted = self._adapted
        logits, predict = adapted.logits, adapted.predict
        seen = adapted._replace(
            logits=None if logits is None else lambda images, places: logits(self._preprocessed(images), places),
            predict=None if predict is None else lambda images: self._selected(predict(self._preprocessed(images))),
        )  # fmt: skip
        self._findings = inspect(self._own, seen, self._stated, Probe.of(images, self.bounds))
        self.num_classes = self._findings.num_classes
        self.outputs = LOGITS if self._findings.behind_head else self._findings.kind

    @property
    def _kind(self) -> str:
        if self._findings is not None:
            return self._findings.kind
        return self._adapted.outputs or self._stated or LOGITS

    def _preprocessed(self, images: tf.Tensor) -> tf.Tensor:
        return images if self._preprocessing is None else self._preprocessing(images)

    def _selected(self, outputs: Any) -> tf.Tensor:
        scores = tf.convert_to_tensor(select_output(outputs, self._output, self._adapted.output_names))
        return scores[:, None] if scores.shape.rank == 1 else scores

    def _own(self, images: tf.Tensor, positions: tf.Tensor | None) -> tf.Tensor:
        """What the network returns, as its owner calls it, in its own precision."""
        return self._selected(self._adapted.function(self._preprocessed(images), positions))

    def _own_scores(
        self, images: Images, positions: npt.NDArray[np.int32], batch_size: int | None
    ) -> npt.NDArray[np.float32]:
        parts = list(self.stream("scores", self.scores, images, positions, batch_size=batch_size))
        return np.concatenate(parts) if parts else np.zeros((0, self.num_classes or 2), np.float32)


def positions_of(images: Images) -> npt.NDArray[np.int32]:
    """The positions (N,) of images that are all of the call's."""
    return np.arange(len(images), dtype=np.int32)
