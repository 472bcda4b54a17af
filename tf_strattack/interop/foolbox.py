"""The structured attack as an attack of Foolbox (https://foolbox.readthedocs.io), for its TensorFlow models."""

from __future__ import annotations

from typing import Any, ClassVar

import numpy as np
import tensorflow as tf

try:
    from eagerpy.astensor import astensor
    from eagerpy.tensor.tensor import Tensor
    from foolbox.attacks.base import FlexibleDistanceMinimizationAttack, get_criterion, raise_if_kwargs
    from foolbox.criteria import Misclassification, TargetedMisclassification
    from foolbox.distances import Distance, l2
    from foolbox.models.base import Model
except ImportError as error:
    raise ImportError(f"expected Foolbox, received none ({error}): pip install tf-strattack[foolbox]") from error

from tf_strattack.attacks import projected_gradient, sigma_zero
from tf_strattack.attacks.attack import Attack
from tf_strattack.attacks.refinement import refine as refine_natively
from tf_strattack.attacks.strattack import StrAttack
from tf_strattack.classifiers.classifier import Classifier
from tf_strattack.classifiers.passing import kept_classifier
from tf_strattack.errors import InputError
from tf_strattack.interop import host
from tf_strattack.result import AttackResult
from tf_strattack.typing import Classes, Images


class StructuredAttack(FlexibleDistanceMinimizationAttack):
    """`StrAttack` (arXiv 1808.01664) as a `MinimizationAttack` of Foolbox.

    Called like any other: `attack(fmodel, inputs, criterion, epsilons=...)`. Inputs are TensorFlow or EagerPy tensors
    (N, H, W, C) within the model's bounds, criteria `Misclassification` (or labels) and `TargetedMisclassification`;
    `mask=` as in `StrAttack`. The examples are those of the native call: the inputs if it fails, or if these are
    already adversarial. With NumPy 2, EagerPy compares classes of int64 only.

    Attributes:
      distance: the distance of Foolbox by which perturbations are clipped to `epsilons`, in the model's scale.
      batch_size: examples at a time; None chooses by the size of an image, "auto" also by what fits in memory.
      **parameters: the hyper-parameters of `StrAttack`, each an attribute; `epsilon` is in [0, 1] scale.

    Raises:
      InputError: a hyper-parameter that is unknown or out of range, or a distance that is not one of Foolbox.

    Example:
      >>> import foolbox, keras, tensorflow as tf, tf_strattack as sa
      >>> from tf_strattack.interop.foolbox import StructuredAttack
      >>> network = keras.saving.load_model(sa.shipped.model_path("mnist_cnn"), compile=False)
      >>> fmodel = foolbox.TensorFlowModel(network, bounds=(0, 1))
      >>> images, labels, _ = sa.shipped.load_sample()
      >>> images, labels = tf.constant(images[:4]), tf.constant(labels[:4], tf.int64)
      >>> attack = StructuredAttack(group_size=2, refine=False)
      >>> raw, clipped, success = attack(fmodel, images, labels, epsilons=None)
      >>> success.numpy().tolist()
      [True, True, True, True]
    """

    kind: ClassVar[type[Attack]] = StrAttack

    def __init__(self, *, distance: Distance = l2, batch_size: int | str | None = None, **parameters: Any) -> None:
        """Checks and keeps the hyper-parameters."""
        if not isinstance(distance, Distance):
            raise InputError(f"expected a distance of Foolbox, foolbox.distances.l2, received {distance!r}")
        super().__init__(distance=distance)
        self.batch_size = batch_size
        host.set_parameters(self, parameters)
        host.native(self)

    def run(
        self,
        model: Model,
        inputs: Any,
        criterion: Any,
        *,
        early_stop: float | None = None,
        mask: Any = None,
        starting_points: Any = None,
        **kwargs: Any,
    ) -> Any:
        """Returns the adversarial images (N, H, W, C), of the type of the inputs; see the class.

        `early_stop` is a permission of Foolbox to stop at that distance; this attack always finishes its search.

        Raises:
          InputError: other tensors or criteria than the class names, or arguments that `StrAttack` refuses.
          KeyboardInterrupt: Ctrl-C.
        """
        raise_if_kwargs(kwargs)
        result = self.result(model, inputs, criterion, mask=mask, starting_points=starting_points)
        return _in_kind(result, inputs)

    def result(
        self, model: Model, inputs: Any, criterion: Any, *, mask: Any = None, starting_points: Any = None
    ) -> AttackResult:
        """The native result of the same attack, with success, evaluations and times.

        Foolbox does not pass the true labels of a targeted attack, so `labels` are placeholders that differ from the
        targets.

        Args:
          model, inputs, criterion: as in `run`; inputs are (N, H, W, C).
          mask: as in `StrAttack`.
          starting_points: (N, H, W, C), one per image, for images on which the attack fails without one.

        Raises:
          InputError: as in `run`, and for starting points with another attack than StrAttack.
        """
        classifier, images = to_classifier(model), _images(inputs)
        labels, targets = _classes(criterion, classifier, images)
        options: dict[str, Any] = {"mask": mask, "batch_size": self.batch_size}
        if starting_points is not None:
            if self.kind is not StrAttack:
                raise InputError(
                    f"expected starting_points with StructuredAttack, received them with {self.kind.__name__}"
                )
            options["starting_points"] = _images(starting_points)[:, None]
        return host.finished(host.native(self)(classifier, images, labels, targets, **options))


class PGD(StructuredAttack):
    """`sa.PGD` (arXiv 1706.06083) called like `StructuredAttack`, with the hyper-parameters of `sa.PGD`.

    `epsilon` is the radius of its ball, in [0, 1] scale; Foolbox's `epsilons=None` leaves the examples as they are.
    """

    kind = projected_gradient.PGD


class SigmaZero(StructuredAttack):
    """`sa.SigmaZero` (arXiv 2402.01879) called like `StructuredAttack`, with the hyper-parameters of `sa.SigmaZero`."""

    kind = sigma_zero.SigmaZero


def refine(
    model: Model,
    inputs: Any,
    adversarial: Any,
    criterion: Any,
    *,
    mask: Any = None,
    batch_size: int | str | None = None,
    **parameters: Any,
) -> Any:
    """Refines the adversarial images of any attack of Foolbox: the least distortion on the pixels that they change.

    Proposition 3 of arXiv 1808.01664. Images are TensorFlow or EagerPy tensors (N, H, W, C), in the model's scale.

    Args:
      model: the model that was attacked.
      inputs: the originals.
      adversarial: the images of an attack; those that are not adversarial are returned unchanged.
      criterion: as it was passed to the attack.
      mask, batch_size: as in `StrAttack`.
      **parameters: hyper-parameters of `Refinement`, for instance `sigma_quantile`.

    Returns:
      The refined images, of the type of the inputs.

    Raises:
      InputError: as in `StructuredAttack.run`.
      KeyboardInterrupt: Ctrl-C.
    """
    classifier, images, given = to_classifier(model), _images(inputs), _images(adversarial)
    labels, targets = _classes(criterion, classifier, images)
    result = refine_natively(classifier, images, given, labels, targets, mask=mask, batch_size=batch_size, **parameters)
    return _in_kind(host.finished(result), inputs)


def to_classifier(model: Model) -> Classifier:
    """The `Classifier` of a Foolbox model, with its bounds and preprocessing.

    It is for `interpret` and all other functions that take a `Classifier`. It is made once for a model, and again after
    a change of its bounds; a network whose layers have changed needs a new model. As elsewhere in Foolbox, the network
    should return logits; probabilities are converted to their logarithms.

    Args:
      model: a `TensorFlowModel`, or a model of Foolbox around one.

    Raises:
      InputError: not a model of Foolbox, or one for images (N, C, H, W).
    """
    if not isinstance(model, Model):
        raise InputError(f"expected a model of Foolbox, TensorFlowModel(network, bounds=...), received {model!r}")
    if getattr(model, "data_format", None) == "channels_first":  # axes would be confused, and groups wrong
        raise InputError("expected a model of images (N, H, W, C), received channels_first: transpose in it")
    bounds = (float(model.bounds.lower), float(model.bounds.upper))

    def make() -> Classifier:
        return Classifier.from_callable(lambda images: model(images), bounds=bounds)

    return kept_classifier(model, bounds, [], make)


def _tensor(inputs: Any) -> tf.Tensor:
    raw = inputs.raw if isinstance(inputs, Tensor) else inputs
    if not tf.is_tensor(raw):
        raise InputError(f"expected TensorFlow tensors, received {type(inputs).__name__}: tf.constant(images)")
    return tf.convert_to_tensor(raw)


def _images(inputs: Any) -> Images:
    return np.asarray(tf.cast(_tensor(inputs), tf.float32))


def _in_kind(result: AttackResult, inputs: Any) -> Any:
    images = tf.cast(tf.constant(result.adversarial), _tensor(inputs).dtype)
    return astensor(images) if isinstance(inputs, Tensor) else images


def _classes(criterion: Any, classifier: Classifier, images: Images) -> tuple[Classes, Classes | None]:
    """Labels and targets of the native call."""
    host.require_several_scores(classifier, images)
    wanted = get_criterion(criterion)
    if isinstance(wanted, Misclassification):
        return np.asarray(wanted.labels.numpy()), None
    if isinstance(wanted, TargetedMisclassification):
        targets = np.asarray(wanted.target_classes.numpy())
        return host.labels_beside(classifier, images, targets), targets
    raise InputError(
        f"expected the criterion Misclassification or TargetedMisclassification, received {type(wanted).__name__}"
    )
