"""Why a perturbation works: adversarial saliency, class activation, and how much of it they explain (section 6).

`asm` measures how much each entry of an image helps towards the target, `cam` and `grad_cam` show where the network
sees a class. `binary_asm` turns scores into a region, and `interpretability_score` is the fraction of a perturbation
that lies inside it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable
from typing import Any

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from tf_strattack.checks import check_choice, check_classes, check_number, check_targets
from tf_strattack.classifiers.classifier import Classifier
from tf_strattack.classifiers.passing import as_classifier
from tf_strattack.errors import InputError
from tf_strattack.runtime.rows import positions_of
from tf_strattack.typing import Classes, Images

Scores = npt.NDArray[np.float32]
Region = npt.NDArray[np.bool_]

FORMS = ("pair", "full")


def asm(
    classifier: Any, images: Any, labels: Any, targets: Any, *, form: str = "pair", batch_size: int | None = None
) -> Scores:
    """The adversarial saliency map (Papernot et al., arXiv 1511.07528; the paper's appendix E).

    With a = ∂Z_t/∂x_i, and b = ∂Z_t0/∂x_i ("pair", eq. (61)) or b = Σ_{j≠t} ∂Z_j/∂x_i ("full", eq. (60)):

        ASM(x, t)[i] = 0 if a < 0 or b > 0, else a·|b|

    so it marks the entries whose *increase* makes the target t more likely and its rival, the label t0 or all other
    classes, less likely. "full" costs no more than "pair": the sum is differentiated at once, not class by class.

    Args:
      classifier: a `Classifier`, or a Keras model of images in [0, 1]. Z are its logits; if it returns probabilities,
        their logarithms, whose derivatives differ from those of the logits by the same amount for all classes.
      images: (N, H, W, C) within the classifier's bounds.
      labels: (N,) integers, the classes t0 of the images.
      targets: (N,) integers, the classes t, other than the labels; one integer for all.
      form: "pair" or "full".
      batch_size: images at a time; None chooses by the size of an image.

    Returns:
      (N, H, W, C) float32, at least 0. Derivatives are with respect to pixels in [0, 1] scale, whatever the bounds.

    Raises:
      InputError: a value of the wrong kind, shape or range.

    Example:
      >>> import tf_strattack as sa
      >>> classifier = sa.shipped.load_classifier()
      >>> images, labels, _ = sa.shipped.load_sample()
      >>> sa.interpret.asm(classifier, images[:2], labels[:2], (labels[:2] + 1) % 10).shape
      (2, 28, 28, 1)
    """
    check_choice("form", form, FORMS)
    classifier, array, classes = _prepared(classifier, images, labels)
    goals = check_targets(_required(targets), classes, classifier.num_classes)
    scale = classifier.bounds[1] - classifier.bounds[0]

    def saliency(images: tf.Tensor, labels: tf.Tensor, targets: tf.Tensor, positions: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape(persistent=True) as tape:
            tape.watch(images)
            logits = classifier.logits(images, positions)
            reached, own = (tf.gather(logits, classes, batch_dims=1) for classes in (targets, labels))
            rival = tf.reduce_sum(logits, axis=1) - reached if form == "full" else own
        towards, away = scale * tape.gradient(reached, images), scale * tape.gradient(rival, images)
        return tf.nn.relu(towards) * tf.nn.relu(-away)

    return _maps(classifier, ("asm", form), saliency, (array, classes, goals), array.shape[1:], batch_size)


def cam(classifier: Any, images: Any, labels: Any, *, batch_size: int | None = None) -> Scores:
    """The class activation map (Zhou et al. 2016, arXiv 1512.04150), exact.

    For a Keras model that ends in global average pooling and one dense layer with kernel w, the map of class t0 is
    Σ_f w[f, t0] A_f over the feature maps A_f; its mean, and the bias, are the logit. It is resized to the image
    bilinearly.

    Args:
      classifier: a `Classifier` made from a Keras model, or the model itself, of images in [0, 1].
      images: (N, H, W, C) within the classifier's bounds.
      labels: (N,) integers, the classes of the maps.
      batch_size: images at a time; None chooses by the size of an image.

    Returns:
      (N, H, W) float32, in logits.

    Raises:
      InputError: a value of the wrong kind, shape or range; a network with another end, or without visible layers.
    """
    classifier, array, classes = _prepared(classifier, images, labels)
    found = classifier.feature_maps(pooled=True)

    def activation(images: tf.Tensor, labels: tf.Tensor, positions: tf.Tensor) -> tf.Tensor:
        maps, _ = found.network(images, positions)
        kernel = tf.cast(tf.convert_to_tensor(found.kernel), tf.float32)
        return _resized(_weighted(maps, tf.gather(tf.transpose(kernel), labels)), images)

    return _maps(classifier, "cam", activation, (array, classes), array.shape[1:3], batch_size)


def grad_cam(
    classifier: Any, images: Any, labels: Any, *, layer: str | None = None, batch_size: int | None = None
) -> Scores:
    """Grad-CAM (Selvaraju et al., arXiv 1610.02391), for networks for which `cam` is not exact.

    max(Σ_f α_f A_f, 0) over the feature maps A_f of a layer, where α_f is the mean over the places of
    ∂Z_t0/∂A_f. It is resized to the image bilinearly.

    Args:
      classifier: a `Classifier` made from a Keras model, or the model itself, of images in [0, 1].
      images: (N, H, W, C) within the classifier's bounds.
      labels: (N,) integers, the classes of the maps.
      layer: the name of the layer; None for the last one with feature maps that does not only pool.
      batch_size: images at a time; None chooses by the size of an image.

    Returns:
      (N, H, W) float32, at least 0.

    Raises:
      InputError: a value of the wrong kind, shape or range; a network without such a layer, or without visible layers.
    """
    classifier, array, classes = _prepared(classifier, images, labels)
    found = classifier.feature_maps(layer)

    def activation(images: tf.Tensor, labels: tf.Tensor, positions: tf.Tensor) -> tf.Tensor:
        with tf.GradientTape() as tape:
            tape.watch(images)  # so that the tape records the layers
            maps, logits = found.network(images, positions)
            score = tf.gather(logits, labels, batch_dims=1)
        gradient = tf.cast(tape.gradient(score, maps), tf.float32)
        return _resized(tf.nn.relu(_weighted(maps, tf.reduce_mean(gradient, axis=[1, 2]))), images)

    return _maps(classifier, ("grad_cam", found.layer), activation, (array, classes), array.shape[1:3], batch_size)


def binary_asm(scores: Any, percentile: float, *, nonzero: bool = False) -> Region:
    """The most salient region, B_ASM of eq. (23): the scores above the percentile ν of their example's scores.

    Args:
      scores: (N, ...) from `asm`, `cam` or `grad_cam`.
      percentile: from 0 to 100, interpolated linearly between scores.
      nonzero: whether ν is a percentile of the non-zero scores only. Most scores of `asm` are 0, so low percentiles of
        all scores give the same region.

    Returns:
      booleans of the shape of `scores`; all False if all scores are equal.

    Raises:
      InputError: a percentile out of range, or scores that are not numbers.

    Example:
      >>> import numpy as np, tf_strattack as sa
      >>> sa.interpret.binary_asm(np.array([[0.0, 0.0, 1.0, 2.0]]), 50, nonzero=True).tolist()
      [[False, False, False, True]]
    """
    check_number("percentile", percentile, 0.0, 100.0)
    array = np.asarray(scores)
    if array.dtype.kind not in "fiu" or array.ndim < 2 or not np.isfinite(array).all():
        raise InputError(
            f"expected finite scores (N, ...) of asm, cam or grad_cam, received {array.dtype} {array.shape}"
        )
    flat = array.reshape(len(array), math.prod(array.shape[1:]))
    counted = [row[row != 0] if nonzero else row for row in flat]
    # In double precision, or the threshold of equal scores could be rounded below them.
    thresholds = [np.percentile(row.astype(np.float64), percentile) if row.size else np.inf for row in counted]
    region: Region = (flat > np.array(thresholds).reshape(-1, 1)).reshape(array.shape)
    return region


def interpretability_score(delta: Any, region: Any) -> npt.NDArray[np.float64]:
    """The interpretability score of eq. (23): IS(δ) = ‖B∘δ‖₂ / ‖δ‖₂, the part of a perturbation that lies in B.

    Args:
      delta: (N, H, W, C) perturbations, in any scale.
      region: booleans (N, H, W, C), or (N, H, W) for all channels alike, such as from `binary_asm`.

    Returns:
      (N,) in [0, 1]: 1 if the region holds the whole perturbation, 0 if it holds none of it; NaN if nothing is
      perturbed.

    Raises:
      InputError: shapes that do not fit, perturbations that are not finite numbers, or a region that is not boolean.

    Example:
      >>> import numpy as np, tf_strattack as sa
      >>> delta = np.array([3.0, 4.0]).reshape(1, 1, 2, 1)
      >>> sa.interpret.interpretability_score(delta, np.array([[[True, False]]])).tolist()
      [0.6]
    """
    changes, inside = np.asarray(delta), np.asarray(region)
    if changes.dtype.kind not in "fiu" or not np.isfinite(changes).all():
        raise InputError(f"expected perturbations of finite numbers, received others, dtype {changes.dtype}")
    if changes.ndim != 4 or inside.shape not in (changes.shape, changes.shape[:3]):
        raise InputError(
            f"expected perturbations (N, H, W, C) and a region of the same shape, or (N, H, W), received "
            f"{changes.shape} and {inside.shape}"
        )
    if inside.dtype != np.bool_:
        raise InputError(f"expected a region of booleans, received {inside.dtype}: binary_asm makes one of scores")
    squares = np.square(changes, dtype=np.float64)
    whole = squares.sum(axis=(1, 2, 3))
    held = (squares * (inside if inside.ndim == 4 else inside[..., None])).sum(axis=(1, 2, 3))
    return np.sqrt(np.divide(held, whole, out=np.full(len(whole), np.nan), where=whole > 0))


def _prepared(given: Any, images: Any, labels: Any) -> tuple[Classifier, Images, Classes]:
    classifier = as_classifier(given)
    array = classifier.prepare(images)
    return classifier, array, check_classes(labels, len(array), classifier.num_classes, "labels")


def _required(targets: Any) -> Any:
    if targets is None:
        raise InputError("expected targets, one for each image, received None: the map needs a class to reach")
    return targets


def _maps(
    classifier: Classifier, key: Hashable, function: Callable[..., tf.Tensor], arrays: Any, shape: Any, batch_size: Any
) -> Scores:
    """Maps (N, *shape) of `arrays`, images first, streamed."""
    parts = classifier.stream(key, function, *arrays, positions_of(arrays[0]), batch_size=batch_size)
    return np.concatenate([np.zeros((0, *shape), np.float32), *parts])


def _weighted(maps: tf.Tensor, weights: tf.Tensor) -> tf.Tensor:
    """Sums feature maps (N, h, w, F) by the weights (N, F) of each example: (N, h, w)."""
    return tf.einsum("nhwf,nf->nhw", tf.cast(maps, tf.float32), weights)


def _resized(maps: tf.Tensor, images: tf.Tensor) -> tf.Tensor:
    """Maps (N, h, w) resized to the size (H, W) of images."""
    return tf.image.resize(maps[..., None], tf.shape(images)[1:3], method="bilinear")[..., 0]
