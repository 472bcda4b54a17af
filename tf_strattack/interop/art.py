"""The structured attack as an attack of ART, the Adversarial Robustness Toolbox, for its TensorFlow 2 classifiers."""

from __future__ import annotations

from typing import Any, ClassVar

import keras
import numpy as np
import numpy.typing as npt
import tensorflow as tf

try:
    from art.attacks import EvasionAttack
    from art.estimators.classification import TensorFlowV2Classifier
except ImportError as error:
    raise ImportError(f"expected ART, received none ({error}): pip install tf-strattack[art]") from error

from tf_strattack.attacks import projected_gradient, sigma_zero
from tf_strattack.attacks.attack import Attack
from tf_strattack.attacks.refinement import refine as refine_natively
from tf_strattack.attacks.strattack import StrAttack
from tf_strattack.classifiers.classifier import Classifier
from tf_strattack.classifiers.passing import kept_classifier
from tf_strattack.errors import InputError
from tf_strattack.interop import host
from tf_strattack.interop.art_arrays import classes_of, mask_of, to_layout
from tf_strattack.interop.art_progress import progress_bar
from tf_strattack.result import AttackResult
from tf_strattack.typing import Images


def _attack_params(kind: type[Attack]) -> list[str]:
    """The names that ART's `set_params` knows."""
    return [*EvasionAttack.attack_params, *host.parameters_of(kind), "targeted", "batch_size", "verbose"]


class StructuredAttack(EvasionAttack):
    """`StrAttack` (arXiv 1808.01664) as an `EvasionAttack` of ART, over `TensorFlowV2Classifier`.

    The adversarial examples are those of the native call: within `clip_values`, and the originals if it fails.
    `set_params` changes hyper-parameters, `repr` shows them.

    Attributes:
      targeted: whether `y` in `generate` are the classes to reach.
      batch_size: examples at a time; None chooses by the size of an image, "auto" also by what fits in memory.
      verbose: whether to show a progress bar.
      **parameters: the hyper-parameters of `StrAttack`, each an attribute; `epsilon` is in [0, 1] scale.

    Raises:
      InputError: a hyper-parameter that is unknown or, in `set_params` as well, out of range.
      EstimatorError: another classifier than a `TensorFlowV2Classifier`.

    Example:
      >>> import keras, tf_strattack as sa
      >>> from art.estimators.classification import TensorFlowV2Classifier
      >>> from tf_strattack.interop.art import StructuredAttack
      >>> network = keras.saving.load_model(sa.shipped.model_path("mnist_cnn"), compile=False)
      >>> estimator = TensorFlowV2Classifier(network, nb_classes=10, input_shape=(28, 28, 1), clip_values=(0, 1))
      >>> images, labels, _ = sa.shipped.load_sample()
      >>> attack = StructuredAttack(estimator, targeted=True, group_size=2, refine=False, verbose=False)
      >>> adversarial = attack.generate(images[:4], (labels[:4] + 1) % 10)
      >>> (estimator.predict(adversarial).argmax(axis=1) == (labels[:4] + 1) % 10).tolist()
      [True, True, True, True]
    """

    kind: ClassVar[type[Attack]] = StrAttack
    attack_params: ClassVar[list[str]] = _attack_params(StrAttack)
    _estimator_requirements = (TensorFlowV2Classifier,)

    def __init__(
        self,
        classifier: TensorFlowV2Classifier,
        *,
        targeted: bool = False,
        batch_size: int | str | None = None,
        verbose: bool = True,
        **parameters: Any,
    ) -> None:
        """Checks and keeps the hyper-parameters."""
        super().__init__(estimator=classifier)
        self._targeted = targeted
        self.batch_size = batch_size
        self.verbose = verbose
        host.set_parameters(self, parameters)
        StructuredAttack._check_params(self)

    def generate(self, x: npt.NDArray[Any], y: npt.NDArray[Any] | None = None, **kwargs: Any) -> Images:
        """Returns adversarial images (N, H, W, C), float32, in the scale of `clip_values`.

        Args:
          x: (N, H, W, C) originals, or (N, C, H, W) of an estimator with `channels_first`.
          y: labels (N,), (N, 1) or one-hot (N, K): the classes to reach if `targeted`, else the true ones, or None for
            the classes that the estimator predicts.
          **kwargs: `mask`, that broadcasts to `x`, or one for all channels, (H, W) or (N, H, W): 0 where nothing may
            change, elsewhere 1.

        Raises:
          InputError: a `y` of another kind, no `y` although `targeted`, or arguments that `StrAttack` refuses.
          TypeError: an unknown argument.
          KeyboardInterrupt: Ctrl-C.
        """
        return to_layout(self.result(x, y, **kwargs).adversarial, self.estimator, back=True)

    def result(self, x: npt.NDArray[Any], y: npt.NDArray[Any] | None = None, *, mask: Any = None) -> AttackResult:
        """The native result of the same attack, (N, H, W, C), with success and evaluations.

        ART does not pass the true labels of a targeted attack, so `labels` are placeholders that differ from the
        targets.

        Args:
          x, y, mask: as in `generate`.
        """
        classifier, images = to_classifier(self.estimator), to_layout(x, self.estimator)
        labels, targets = classes_of(y, classifier, images, self.targeted)
        with progress_bar(type(self).__name__, len(images), self.verbose) as callback:
            return host.finished(
                host.native(self)(
                    classifier,
                    images,
                    labels,
                    targets,
                    mask=mask_of(mask, x, self.estimator),
                    batch_size=self.batch_size,
                    callback=callback,
                )
            )

    def _check_params(self) -> None:
        super()._check_params()
        if not hasattr(self, "verbose"):  # ART calls this in its constructor, before the attributes exist
            return
        for name in ("targeted", "verbose"):
            if not isinstance(getattr(self, name), bool):
                raise InputError(f"expected {name} to be True or False, received {getattr(self, name)!r}")
        host.native(self)


class PGD(StructuredAttack):
    """`sa.PGD` (arXiv 1706.06083) called like `StructuredAttack`, with the hyper-parameters of `sa.PGD`."""

    kind = projected_gradient.PGD
    attack_params: ClassVar[list[str]] = _attack_params(projected_gradient.PGD)


class SigmaZero(StructuredAttack):
    """`sa.SigmaZero` (arXiv 2402.01879) called like `StructuredAttack`, with the hyper-parameters of `sa.SigmaZero`."""

    kind = sigma_zero.SigmaZero
    attack_params: ClassVar[list[str]] = _attack_params(sigma_zero.SigmaZero)


def refine(
    estimator: TensorFlowV2Classifier,
    x: npt.NDArray[Any],
    x_adv: npt.NDArray[Any],
    y: npt.NDArray[Any] | None = None,
    *,
    targeted: bool = False,
    mask: Any = None,
    batch_size: int | str | None = None,
    **parameters: Any,
) -> Images:
    """Refines the adversarial images of any attack of ART: the least distortion on the pixels that they change.

    Proposition 3 of arXiv 1808.01664. Images are arrays as in `StructuredAttack.generate`.

    Args:
      estimator: the classifier that was attacked.
      x: the originals.
      x_adv: the images of an attack; those that are not adversarial are returned unchanged.
      y, targeted: as they were passed to the attack.
      mask, batch_size: as in `StructuredAttack`.
      **parameters: hyper-parameters of `Refinement`, for instance `sigma_quantile`.

    Returns:
      The refined images, float32, in the shape of `x`.

    Raises:
      InputError: as in `StructuredAttack.generate`.
      KeyboardInterrupt: Ctrl-C.
    """
    classifier, images, given = to_classifier(estimator), to_layout(x, estimator), to_layout(x_adv, estimator)
    labels, targets = classes_of(y, classifier, images, targeted)
    result = refine_natively(
        classifier,
        images,
        given,
        labels,
        targets,
        mask=mask_of(mask, x, estimator),
        batch_size=batch_size,
        **parameters,
    )
    return to_layout(host.finished(result).adversarial, estimator, back=True)


def to_classifier(estimator: TensorFlowV2Classifier) -> Classifier:
    """The `Classifier` of an ART estimator, with its `clip_values` as bounds and its preprocessing.

    It is for `interpret` and all other functions that take a `Classifier`. Images are (N, H, W, C), whatever the
    estimator's `channels_first`. A softmax at the end of a Keras model is left out. Postprocessing defences, which
    gradient attacks do not see, are not included. The classifier is made once for an estimator, and again after changes
    of its `clip_values`, preprocessing or layers.

    Args:
      estimator: the `TensorFlowV2Classifier`.

    Raises:
      InputError: not a TensorFlow 2 classifier, no `clip_values` or different ones for each feature, or preprocessing
        without a gradient.
    """
    if not isinstance(estimator, TensorFlowV2Classifier):
        raise InputError(f"expected an estimator TensorFlowV2Classifier of ART, received {type(estimator).__name__}")
    bounds = _bounds(estimator)
    steps = [step for step in estimator.preprocessing_operations if step.apply_predict]
    if steps and not estimator.all_framework_preprocessing:
        raise InputError(
            f"expected preprocessing in TensorFlow, received {', '.join(type(step).__name__ for step in steps)}: "
            "use ART's variants for TensorFlow V2, which have a gradient"
        )
    network = estimator.model

    def preprocessing(images: tf.Tensor) -> tf.Tensor:
        images = tf.transpose(images, [0, 3, 1, 2]) if estimator.channels_first else images
        for step in steps:
            images, _ = step.forward(images, None)
        return images

    def make() -> Classifier:
        # The adapter of Keras models would transpose the channels a second time.
        if isinstance(network, keras.Model) and not estimator.channels_first:
            return Classifier.from_keras(network, bounds=bounds, preprocessing=preprocessing)
        function = lambda images: network(images, training=False)  # noqa: E731
        return Classifier.from_callable(function, bounds=bounds, preprocessing=preprocessing)

    settings = [(step, {name: repr(value) for name, value in vars(step).items()}) for step in steps]
    return kept_classifier(estimator, (bounds, settings), [network], make)


def _bounds(estimator: TensorFlowV2Classifier) -> tuple[float, float]:
    if estimator.clip_values is None:
        raise InputError("expected an estimator with clip_values, received none: pass clip_values=(0, 1) or its scale")
    lower, upper = (np.unique(values) for values in estimator.clip_values)
    if len(lower) > 1 or len(upper) > 1:
        raise InputError("expected clip_values (lower, upper) of two numbers, received others for each feature")
    return float(lower[0]), float(upper[0])
