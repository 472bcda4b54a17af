"""What the tasks of the plugin do: attack a data set, and measure how far another one is from it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import keras
import numpy as np

from tf_strattack import metrics
from tf_strattack.classifiers.classifier import Classifier
from tf_strattack.classifiers.passing import as_classifier, kept_classifier
from tf_strattack.errors import InputError
from tf_strattack.interop import aims, host
from tf_strattack.interop.dioptra.examples import Examples, bounds_of, examples_of, with_images
from tf_strattack.interop.dioptra.named import attack_of, groups_of
from tf_strattack.presentation import required_pandas
from tf_strattack.result import AttackResult
from tf_strattack.typing import Classes, Flags, Places

if TYPE_CHECKING:
    import pandas


class Attacked(NamedTuple):
    """An attacked data set.

    Attributes:
      dataset: adversarial images with the labels of the originals, in the same order and of the same kind.
      result: the native result of the images that were attacked.
      rows: (M,) which images those are: all but those of the class to reach.

    Example:
      >>> import keras, tensorflow as tf, tf_strattack as sa
      >>> from tf_strattack.interop.dioptra import attack_dataset, measure_datasets
      >>> model = keras.saving.load_model(sa.shipped.model_path("mnist_cnn"), compile=False)
      >>> images, labels, _ = sa.shipped.load_sample()
      >>> dataset = tf.data.Dataset.from_tensor_slices((images[:4], labels[:4])).batch(2)
      >>> made = attack_dataset(model, dataset, "random", parameters={"refine": False}).dataset
      >>> measure_datasets(model, dataset, made, "random")[0]["asr"]
      1.0
    """

    dataset: Any
    result: AttackResult
    rows: Places


def attack_dataset(
    model: Any,
    dataset: Any,
    target: int | str | None = None,
    *,
    groups: Any = None,
    parameters: Mapping[str, Any] | None = None,
    bounds: Any = None,
    target_seed: int = 0,
    batch_size: int | None = None,
) -> Attacked:
    """Attacks every image of a data set by `StrAttack`, in one native call: its batches do not matter.

    An image for which no adversarial one is found stays as it is, and so do images of the class to reach, which are not
    attacked.

    Args:
      model: a Keras model.
      dataset: a `tf.data.Dataset` of pairs (image, label), batched or not, or a dataclass with one as `data`, as
        OPTIC's tasks pass it. Labels are class numbers or one-hot. All of it is read into memory.
      target: the class to reach, "random" or "least_likely"; None for an untargeted attack.
      groups: which pixels belong together: the side of squares, "rows", "columns", "channels", or a mapping such as
        {"name": "squares", "size": 3, "stride": 2} or {"name": "superpixels", "segments": 64}; None for squares of
        2 x 2 pixels.
      parameters: other hyper-parameters of `StrAttack` by name. A solver, distortion or refinement with values of its
        own is a mapping, such as {"solver": {"name": "paper", "search_steps": 9}}.
      bounds: (lower, upper) of pixels; None for `meta.value_range` of OPTIC's data set, and for (0, 1) without it.
      target_seed: the seed of random targets.
      batch_size: examples at a time, as in `StrAttack`.

    Raises:
      InputError: arguments of another kind, or that `StrAttack` refuses.
      KeyboardInterrupt: Ctrl-C.
    """
    examples = examples_of(dataset)
    classifier = _classifier(model, bounds_of(dataset, bounds))
    labels, targets, rows = _aims(classifier, examples, target, target_seed)
    images = examples.images[rows]
    attack = attack_of(parameters, groups_of(groups, images))
    result = host.finished(
        attack(classifier, images, labels[rows], None if targets is None else targets[rows], batch_size=batch_size)
    )
    adversarial = examples.images.copy()
    adversarial[rows] = result.adversarial
    return Attacked(with_images(dataset, examples, adversarial), result, rows)


def measure_datasets(
    model: Any,
    dataset: Any,
    adversarial_dataset: Any,
    target: int | str | None = None,
    *,
    groups: Any = None,
    bounds: Any = None,
    target_seed: int = 0,
) -> tuple[dict[str, float], pandas.DataFrame]:
    """Measures the success and the distances of adversarial images, whichever attack made them.

    Args:
      model: the Keras model that decides about success.
      dataset: the originals, as in `attack_dataset`.
      adversarial_dataset: the adversarial images, in the same order and with the same labels.
      target, bounds, target_seed: as in `attack_dataset`.
      groups: those that `nonzero_groups` counts, in the same form.

    Returns:
      Numbers by name: how many "images" there are, how many of them were "attacked" and how many are "successes";
      "clean_accuracy" and "adversarial_accuracy" over all images, "asr" over the attacked ones, and the mean of each of
      `metrics.measure` over the successes, NaN without any. And a row for each attacked image: its number in the data
      set, label, target (None in an untargeted attack), predicted class, success, and the measures if it succeeded.

    Raises:
      InputError: data sets of other images or in another order, or arguments of another kind.
      ImportError: pandas is not installed.
    """
    before, after = _pair(dataset, adversarial_dataset)
    lower, upper = bounds_of(dataset, bounds)
    classifier = _classifier(model, (lower, upper))
    labels, targets, rows = _aims(classifier, before, target, target_seed)
    predicted = classifier.classify(after.images)
    success = (predicted != labels if targets is None else predicted == targets)[rows]
    images = before.images[rows]
    delta = (after.images[rows] - images) / np.float32(upper - lower)
    structure = groups_of(groups, images)
    values = metrics.measure(delta, groups=2 if structure is None else structure)
    right = [(seen == labels).mean() for seen in (classifier.classify(before.images), predicted)]
    columns = {
        "image": rows,
        "label": labels[rows],
        "target": None if targets is None else targets[rows],
        "predicted": predicted[rows],
        "success": success,
        **{name: np.where(success, value, np.nan) for name, value in values.items()},
    }
    return _numbers(len(labels), right, success, values), required_pandas().DataFrame(columns)


def _numbers(images: int, accuracies: list[float], success: Flags, values: dict[str, Any]) -> dict[str, float]:
    means = metrics.mean_over_successes(success, values)
    counts = {"images": images, "attacked": len(success), "successes": means["num_successes"]}
    clean, adversarial = accuracies
    measured = {
        **counts,
        "clean_accuracy": clean,
        "adversarial_accuracy": adversarial,
        **{name: means[name] for name in ("asr", *values)},
    }
    return {name: float("nan" if value is None else value) for name, value in measured.items()}


def _pair(dataset: Any, adversarial_dataset: Any) -> tuple[Examples, Examples]:
    """The examples of both data sets, which have to be the same images in the same order."""
    before, after = examples_of(dataset), examples_of(adversarial_dataset)
    if before.images.shape != after.images.shape or not np.array_equal(before.labels, after.labels):
        raise InputError(
            "expected both data sets in the same order with the same labels, received others: leave shuffle out, or "
            "shuffle with reshuffle_each_iteration=False"
        )
    return before, after


def _classifier(model: Any, bounds: tuple[float, float]) -> Classifier:
    """The classifier of a Keras model, with the programs compiled for it."""
    if not isinstance(model, keras.Model):
        raise InputError(f"expected a Keras model, received {type(model).__name__}")
    if bounds == (0.0, 1.0):
        return as_classifier(model)
    return kept_classifier(model, (bounds,), [], lambda: Classifier.from_keras(model, bounds=bounds))


def _aims(
    classifier: Classifier, examples: Examples, target: int | str | None, seed: int
) -> tuple[Classes, Classes | None, Places]:
    """Labels and targets (N,), and the rows that can be attacked: those that are not of their target's class."""
    aims.check_rule("target", target, seed)
    labels = host.class_numbers(examples.labels, classifier, examples.images, "labels")
    every = np.arange(len(labels))
    targets = aims.targets_of("target", target, classifier, examples.images, labels, every.tolist(), seed)
    rows = every if targets is None else every[targets != labels]
    if not len(rows):
        raise InputError(f"expected images of other classes than the target, {target}, received none")
    return labels, targets, rows
