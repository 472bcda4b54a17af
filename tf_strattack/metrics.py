"""Measures of perturbations: distances, group and cluster counts, and best/average/worst over targets.

All functions take `delta` (N, H, W, C) in [0, 1] scale and return one number per example; arrays of another rank, or
with NaN, raise an `InputError`. An entry is changed if |delta| > 1e-6, the paper's threshold, in all functions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import scipy.ndimage

from tf_strattack.checks import as_array, check_aligned
from tf_strattack.errors import InputError
from tf_strattack.problem.distortions import CHANGED
from tf_strattack.problem.groups import GroupStructure, as_structure
from tf_strattack.typing import Images

_WINDOW = 8  # the side of the windows of d_{2,0}

Values = npt.NDArray[np.float64]


def l0(delta: Images) -> Values:
    """Counts the changed entries of `delta` (N, H, W, C), all channels, as the paper does: (N,).

    Example:
      >>> import numpy as np, tf_strattack as sa
      >>> delta = np.array([0.5, 0.0, -0.25, 1e-7]).reshape(1, 2, 2, 1)
      >>> sa.metrics.l0(delta).tolist(), sa.metrics.l1(delta).round(3).tolist(), sa.metrics.linf(delta).tolist()
      ([2.0], [0.75], [0.5])
    """
    return (np.abs(_flat(delta)) > CHANGED).sum(axis=1).astype(np.float64)


def l1(delta: Images) -> Values:
    """Sums the absolute changes of `delta` (N, H, W, C): (N,)."""
    return np.abs(_flat(delta), dtype=np.float64).sum(axis=1)


def l2(delta: Images) -> Values:
    """The Euclidean norm of `delta` (N, H, W, C): (N,)."""
    return np.sqrt(np.square(_flat(delta), dtype=np.float64).sum(axis=1))


def linf(delta: Images) -> Values:
    """The largest absolute change of `delta` (N, H, W, C): (N,)."""
    return np.abs(_flat(delta)).max(axis=1, initial=0).astype(np.float64)


# The distances by name, each a function of `delta`.
DISTANCES: Mapping[str, Callable[[Images], Values]] = {"l0": l0, "l1": l1, "l2": l2, "linf": linf}


def nonzero_groups(delta: Images, groups: GroupStructure | int) -> Values:
    """Counts the groups that hold a changed entry: (N,).

    Args:
      delta: (N, H, W, C) in [0, 1] scale.
      groups: such as `SlidingMask(3, stride=2)`, or a number for squares of that side next to each other.

    Raises:
      InputError: groups that do not fit the image.
    """
    delta = _checked(delta)
    totals = as_structure(groups).on(delta.shape).total((np.abs(delta) > CHANGED).astype(np.float32))
    return np.count_nonzero(totals, axis=(1, 2)).astype(np.float64)


def acp(delta: Images) -> Values:
    """Counts the changed pixels of `delta` (N, H, W, C), changed in any channel (ACP of arXiv 2311.17434): (N,)."""
    return _pixels(delta).sum(axis=(1, 2)).astype(np.float64)


def anc(delta: Images) -> Values:
    """Counts the clusters of changed pixels of `delta` (N, H, W, C): (N,).

    They are connected through their four neighbours (ANC of arXiv 2311.17434).
    """
    structure = np.zeros((3, 3, 3), bool)
    structure[1] = scipy.ndimage.generate_binary_structure(2, 1)  # within an example, never across examples
    labels, _ = scipy.ndimage.label(_pixels(delta), structure)
    # Labels are numbered in scanning order and an example's are consecutive, so the largest is the last.
    last = np.maximum.accumulate(labels.reshape(len(labels), -1).max(axis=1, initial=0))
    return np.diff(last, prepend=0).astype(np.float64)


def d20(delta: Images) -> Values:
    """Counts the 8x8 windows, at stride 1, that hold a changed pixel of `delta` (N, H, W, C): (N,).

    This is d_{2,0} of arXiv 2311.17434.
    """
    changed = _pixels(delta)
    side = min(_WINDOW, *changed.shape[1:])
    windows = np.lib.stride_tricks.sliding_window_view(changed, (side, side), axis=(1, 2))
    return windows.any(axis=(-2, -1)).sum(axis=(1, 2)).astype(np.float64)


def measure(delta: Images, *, groups: GroupStructure | int) -> dict[str, Values]:
    """All measures by name, each (N,): l0, l1, l2, linf, nonzero_groups, acp, anc, d20.

    Args:
      delta: (N, H, W, C) in [0, 1] scale.
      groups: the groups that `nonzero_groups` counts.

    Raises:
      InputError: groups that do not fit the image.
    """
    values = {name: of(delta) for name, of in {**DISTANCES, "acp": acp, "anc": anc, "d20": d20}.items()}
    return {**values, "nonzero_groups": nonzero_groups(delta, groups)}


def best_average_worst(
    values: Mapping[str, Values], success: npt.NDArray[np.bool_], image_ids: npt.NDArray[Any], *, seed: int
) -> dict[str, dict[str, float | int | None]]:
    """Summarises over the targets of each image, the protocol of the paper (appendix F).

    best: for each measure, the least expensive successful target of each image. average: one random target of each
    image. worst: the most expensive target of each image, a failure if any target fails. all: every example.

    Args:
      values: (N,) measures by name.
      success: (N,) whether an example succeeded.
      image_ids: (N,) which examples share an image.
      seed: the seed of the random target.

    Returns:
      A block for each case: "asr" in [0, 1], "num_successes", "num_examples", and for each measure the mean over the
      successes, None if there is none.

    Raises:
      InputError: arrays of different lengths.

    Example:
      >>> import numpy as np, tf_strattack as sa
      >>> success, image_ids = np.array([True, True, True, False]), np.array(["a", "a", "b", "b"])
      >>> blocks = sa.metrics.best_average_worst({"l2": np.array([1.0, 2.0, 4.0, 0.0])}, success, image_ids, seed=0)
      >>> blocks["best"]["l2"], blocks["worst"]["l2"], blocks["worst"]["asr"]
      (2.5, 2.0, 0.5)
    """
    success, values = check_aligned(success, {"image_ids": image_ids, **values})
    image_ids = values.pop("image_ids")
    ids, image = np.unique(image_ids, return_inverse=True)
    reached = np.bincount(image, success, minlength=len(ids))
    number = np.bincount(image, minlength=len(ids))
    drawn = one_target_each(image, seed=seed)

    def extreme(choose: np.ufunc, first: float) -> dict[str, Values]:  # meaningless for images without a success
        found = {name: np.full(len(ids), first) for name in values}
        for name, value in values.items():
            choose.at(found[name], image[success], value[success])
        return found

    return {
        "best": mean_over_successes(reached > 0, extreme(np.minimum, np.inf)),
        "average": mean_over_successes(success[drawn], {name: value[drawn] for name, value in values.items()}),
        "worst": mean_over_successes(reached == number, extreme(np.maximum, -np.inf)),
        "all": mean_over_successes(success, values),
    }


def one_target_each(image_ids: npt.NDArray[Any], *, seed: int) -> npt.NDArray[np.intp]:
    """The examples of the average case of `best_average_worst`: one at random of each image.

    Args:
      image_ids: (N,) which examples share an image.
      seed: the seed of the choice.

    Returns:
      The index of an example for each image, in the order of the sorted ids.
    """
    order = np.random.default_rng(seed).permutation(len(image_ids))
    _, first = np.unique(np.asarray(image_ids)[order], return_index=True)
    return order[first]


def accuracies(
    success: npt.NDArray[np.bool_], image_ids: npt.NDArray[Any], *, num_misclassified: int = 0
) -> dict[str, float | None]:
    """The share of images that the network classifies correctly, before the attack and under it.

    clean_accuracy: the images classified correctly. robust_accuracy: those among them for which no example succeeded.
    Both are shares of all images, attacked or misclassified.

    Args:
      success: (N,) whether an example succeeded; examples belong to images that are classified correctly.
      image_ids: (N,) which examples share an image.
      num_misclassified: how many further images were misclassified, and so not attacked.

    Returns:
      "clean_accuracy" and "robust_accuracy" in [0, 1], None without images.

    Raises:
      InputError: arrays of different lengths.

    Example:
      >>> import numpy as np, tf_strattack as sa
      >>> success, image_ids = np.array([True, False, False, False]), np.array(["a", "a", "b", "b"])
      >>> sa.metrics.accuracies(success, image_ids, num_misclassified=2)
      {'clean_accuracy': 0.5, 'robust_accuracy': 0.25}
    """
    success, of = check_aligned(success, {"image_ids": image_ids})
    image_ids = of["image_ids"]
    attacked, fooled = len(np.unique(image_ids)), len(np.unique(image_ids[success]))
    images, shares = attacked + num_misclassified, {"clean_accuracy": attacked, "robust_accuracy": attacked - fooled}
    return {name: number / images if images else None for name, number in shares.items()}


def mean_over_successes(success: npt.NDArray[np.bool_], values: Mapping[str, Values]) -> dict[str, float | int | None]:
    """Summarises N examples.

    Args:
      success: (N,) whether an example succeeded.
      values: (N,) measures by name.

    Returns:
      "asr" in [0, 1], None without examples; "num_successes", "num_examples"; and the mean of each measure over the
      successes, None if there is none.
    """
    successes, examples = int(success.sum()), len(success)
    means = {name: float(value[success].mean()) if successes else None for name, value in values.items()}
    asr = successes / examples if examples else None
    return {"asr": asr, "num_successes": successes, "num_examples": examples, **means}


def _checked(delta: Any) -> npt.NDArray[Any]:
    """`delta` as an array, after a check that it holds numbers (N, H, W, C)."""
    array = as_array(delta, "delta")
    if array.ndim != 4 or array.dtype.kind not in "fiub":
        raise InputError(f"expected delta of shape (N, H, W, C), numbers, received {array.dtype} {array.shape}")
    if not np.isfinite(array).all():
        raise InputError("expected finite changes in delta, received NaN or infinity")
    return array


def _flat(delta: Any) -> npt.NDArray[Any]:
    delta = _checked(delta)
    return delta.reshape(len(delta), int(np.prod(delta.shape[1:])))  # -1 is undefined without examples


def _pixels(delta: Images) -> npt.NDArray[np.bool_]:
    return np.asarray((np.abs(_checked(delta)) > CHANGED).any(axis=-1))
