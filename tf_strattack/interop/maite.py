"""The structured attack as an augmentation of MAITE (https://mit-ll-ai-technology.github.io/maite), and its models.

MAITE asks for methods, not for base classes, so nothing of it is imported when this runs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import numpy.typing as npt

from tf_strattack.attacks import projected_gradient, sigma_zero
from tf_strattack.attacks.attack import Attack
from tf_strattack.attacks.strattack import StrAttack
from tf_strattack.classifiers.classifier import Classifier
from tf_strattack.classifiers.passing import as_classifier
from tf_strattack.errors import InputError
from tf_strattack.interop import host
from tf_strattack.interop.aims import check_rule
from tf_strattack.interop.maite_batches import Examples, channels_last, examples_of, in_floats
from tf_strattack.interop.maite_outcomes import AttackedDatum, outcomes_of
from tf_strattack.result import AttackResult

if TYPE_CHECKING:
    from maite.protocols import AugmentationMetadata, DatumMetadata, ModelMetadata


class ClassifierModel:
    """A `Classifier` as an image-classification `Model` of MAITE: from images (C, H, W) to logits.

    Attributes:
      classifier: the `Classifier`, also that of a Keras model of images in [0, 1].
      metadata: "id", and "index2label" where it was passed.

    Example:
      >>> import tf_strattack as sa
      >>> from tf_strattack.interop.maite import ClassifierModel
      >>> model = ClassifierModel(sa.shipped.load_classifier(), model_id="mnist_cnn")
      >>> images, labels, _ = sa.shipped.load_sample()
      >>> [int(scores.argmax()) for scores in model(images[:3].transpose(0, 3, 1, 2))] == labels[:3].tolist()
      True
    """

    metadata: ModelMetadata

    def __init__(self, classifier: Any, *, model_id: str, index2label: dict[int, str] | None = None) -> None:
        """Makes a model.

        Args:
          classifier: a `Classifier`, or a Keras model of images in [0, 1].
          model_id: names the model in what MAITE's tasks report.
          index2label: the names of the classes by number.

        Raises:
          InputError: another kind of network.
        """
        self.classifier = as_classifier(classifier)
        self.metadata = {"id": model_id} if index2label is None else {"id": model_id, "index2label": index2label}

    def __call__(self, inputs: Sequence[npt.ArrayLike], /) -> Sequence[npt.NDArray[np.float32]]:
        """Returns logits (K,) for each of the `inputs`, images (C, H, W) within the bounds.

        Raises:
          InputError: images of another form, or out of the bounds.
        """
        return list(self.classifier.predict(channels_last(inputs, self.classifier))) if len(inputs) else []


class StructuredAttack:
    """`StrAttack` (arXiv 1808.01664) as an image-classification `Augmentation` of MAITE.

    Called with a batch: images (C, H, W) in the scale of the classifier's bounds, targets with a score for each class,
    of which the largest is the true class, and datum metadata. It returns images as NumPy arrays, in float32 or
    float64, the same targets, and the metadata with an entry "attack", an `AttackOutcome`. The examples are those of
    the native call; where it fails, the image comes back unchanged. How images are batched does not matter, apart from
    the rounding of the network.

    Attributes:
      model: the network to attack: a `ClassifierModel`, a `Classifier`, or a Keras model of images in [0, 1].
      targets: the classes to reach: None for an untargeted attack, "random", "least_likely", or the number of one class
        for all images. An image of that class is not attacked: it comes back unchanged, without success.
      target_seed: the seed of random targets, which depend on it, the label and the "id" of the datum. With the ids 0,
        1, 2 ... they are those of `sa.targets.random`.
      mask: (H, W) booleans for all images, with or without channels: False where nothing may change.
      batch_size: examples at a time; None chooses by the size of an image, "auto" also by what fits in memory.
      metadata: its "id" has the name of the class and the hyper-parameters that were passed.
      **parameters: the hyper-parameters of `StrAttack`, each an attribute; `epsilon` is in [0, 1] scale.

    Raises:
      InputError: a model without a gradient, a hyper-parameter that is unknown or out of range, or targets of another
        kind.

    Example:
      >>> import numpy as np, tf_strattack as sa
      >>> from tf_strattack.interop.maite import StructuredAttack
      >>> images, labels, _ = sa.shipped.load_sample()
      >>> batch = images[:2].transpose(0, 3, 1, 2), np.eye(10)[labels[:2]], [{"id": 0}, {"id": 1}]
      >>> attack = StructuredAttack(sa.shipped.load_classifier(), group_size=2, refine=False)
      >>> adversarial, targets, metadata = attack(batch)
      >>> adversarial[0].shape, [datum["attack"]["success"] for datum in metadata]
      ((1, 28, 28), [True, True])
    """

    kind: ClassVar[type[Attack]] = StrAttack
    metadata: AugmentationMetadata

    def __init__(
        self,
        model: Any,
        *,
        targets: str | int | None = None,
        target_seed: int = 0,
        mask: Any = None,
        batch_size: int | str | None = None,
        **parameters: Any,
    ) -> None:
        """Checks and keeps the hyper-parameters."""
        to_classifier(model)
        check_rule("targets", targets, target_seed)
        self.model, self.mask, self.batch_size = model, mask, batch_size
        self.targets, self.target_seed = targets, target_seed
        host.set_parameters(self, parameters)
        host.native(self)
        rule = {} if targets is None else {"targets": targets, "target_seed": target_seed}
        values = ", ".join(f"{name}={value!r}" for name, value in (rule | parameters).items())
        self.metadata = {"id": f"tf_strattack.{type(self).__name__}({values})"}

    def __call__(
        self, batch: tuple[Sequence[npt.ArrayLike], Sequence[npt.ArrayLike], Sequence[DatumMetadata]], /
    ) -> tuple[Sequence[npt.NDArray[Any]], Sequence[npt.ArrayLike], Sequence[AttackedDatum]]:
        """Attacks the images of a `batch`; see the class.

        Raises:
          InputError: a batch of another form, images of several shapes, or out of the bounds.
          KeyboardInterrupt: Ctrl-C.
        """
        inputs, scores, metadata = batch
        if not len(inputs):
            return [], scores, []
        examples, result = self._attacked(batch)
        changed, outcomes = outcomes_of(host.native(self), to_classifier(self.model), examples, result)
        images = [
            in_floats(original, adversarial if outcome["success"] else None)
            for original, adversarial, outcome in zip(inputs, changed, outcomes, strict=True)
        ]
        return (
            images,
            scores,
            [{**datum, "id": datum["id"], "attack": one} for datum, one in zip(metadata, outcomes, strict=True)],
        )

    def result(
        self, batch: tuple[Sequence[npt.ArrayLike], Sequence[npt.ArrayLike], Sequence[DatumMetadata]]
    ) -> AttackResult:
        """The native result (N, H, W, C) of the same attack on a `batch`, without images of their target's class.

        Raises:
          InputError: as in a call, and for a batch without images.
          KeyboardInterrupt: Ctrl-C.
        """
        return self._attacked(batch)[1]

    def _attacked(
        self, batch: tuple[Sequence[npt.ArrayLike], Sequence[npt.ArrayLike], Sequence[DatumMetadata]]
    ) -> tuple[Examples, AttackResult]:
        classifier = to_classifier(self.model)
        examples = examples_of(batch, classifier, self.targets, self.target_seed)
        some = examples.attacked
        result = host.native(self)(
            classifier,
            examples.images[some],
            examples.labels[some],
            None if examples.targets is None else examples.targets[some],
            mask=self.mask,
            batch_size=self.batch_size,
        )
        return examples, host.finished(result)


class PGD(StructuredAttack):
    """`sa.PGD` (arXiv 1706.06083) called like `StructuredAttack`, with the hyper-parameters of `sa.PGD`."""

    kind = projected_gradient.PGD


class SigmaZero(StructuredAttack):
    """`sa.SigmaZero` (arXiv 2402.01879) called like `StructuredAttack`, with the hyper-parameters of `sa.SigmaZero`."""

    kind = sigma_zero.SigmaZero


def to_classifier(model: Any) -> Classifier:
    """The `Classifier` of a model, for `interpret` and all other functions that take a `Classifier`.

    Args:
      model: a `ClassifierModel`, a `Classifier`, or a Keras model of images in [0, 1].

    Raises:
      InputError: another object, such as another model of MAITE, which has no gradient.
    """
    if isinstance(model, ClassifierModel):
        return model.classifier
    metadata = getattr(model, "metadata", None)
    if isinstance(metadata, Mapping) and "id" in metadata:
        raise InputError(
            f"expected a ClassifierModel, a Classifier or a Keras model, received the model {metadata['id']!r} of "
            "MAITE, which has no gradient: pass its network, ClassifierModel(network, model_id=...)"
        )
    return as_classifier(model)
