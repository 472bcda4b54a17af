"""Figures of results, for a notebook or a file.

Both functions return a `matplotlib.figure.Figure` and write nothing: `figure.savefig("examples.png")` does. They do not
use pyplot, so nothing stays open; a notebook shows the figure after `%matplotlib inline`. They need matplotlib:
`pip install tf-strattack[plot]`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from tf_strattack.checks import check_count, check_whole
from tf_strattack.errors import InputError
from tf_strattack.problem.groups import GroupStructure, as_structure
from tf_strattack.result import AttackResult

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def examples(
    result: AttackResult,
    *,
    groups: GroupStructure | int = 2,
    class_names: Mapping[int, str] | Sequence[str] | None = None,
    rows: int = 6,
    seed: int = 0,
) -> Figure:
    """Draws some examples: original, perturbation, its strength per group, adversarial image.

    The third column is scaled as in the paper's Fig. 2 (arXiv 1808.01664): the mean absolute change of a group on the
    scale of [0, 255]. A pixel in several groups shows the mean over them. The perturbation is shown in the channel that
    changes most.

    Args:
      result: the result of any attack, with at least one example.
      groups: such as `SlidingMask(3, stride=2)`, or a number for squares of that side next to each other.
      class_names: by class number, or in order; None shows numbers.
      rows: the largest number of examples, drawn at random and shown in their order.
      seed: the seed of that draw, a whole number of at least 0.

    Raises:
      InputError: not a result, groups that do not fit the image, or a number out of range.
      ImportError: matplotlib is not installed.

    Example:
      >>> import tf_strattack as sa
      >>> images, labels, _ = sa.shipped.load_sample()
      >>> result = sa.FGM()(sa.shipped.load_classifier(), images[:3], labels[:3])
      >>> figure = sa.plot.examples(result, groups=2, rows=2)
      >>> figure.axes[0].get_title()
      'original'
    """
    _check_result("a result", result)
    check_count("rows", rows)
    check_whole("seed", seed)
    as_structure(groups).of(*result.images.shape[1:3])
    names = _names(class_names)
    number = min(rows, len(result))
    places = np.sort(np.random.default_rng(seed).choice(len(result), number, replace=False))
    return _drawing().examples_figure(result, places, names, groups)


def heat_maps(
    results: Mapping[str, AttackResult],
    *,
    groups: GroupStructure | int = 2,
    class_names: Mapping[int, str] | Sequence[str] | None = None,
) -> Figure:
    """Draws two attacks on the same images side by side, as Fig. 2 and A3 to A5 of arXiv 1808.01664.

    From left to right: the heat map of the first attack's changes, its adversarial image, the original, the adversarial
    image of the second attack, and its heat map. Both heat maps of a row share a scale; groups without a change are
    white. There is a row for each example, so pass a few: `result[:6]`.

    Args:
      results: exactly two results, by the names of the attacks, in the order of the figure.
      groups: such as `SlidingMask(3, stride=2)`, or a number for squares of that side next to each other.
      class_names: by class number, or in order; None shows numbers.

    Raises:
      InputError: anything but two results on the same images, or groups that do not fit the image.
      ImportError: matplotlib is not installed.

    Example:
      >>> import tf_strattack as sa
      >>> images, labels, _ = sa.shipped.load_sample()
      >>> classifier = sa.shipped.load_classifier()
      >>> results = {norm: sa.FGM(norm=norm)(classifier, images[:3], labels[:3]) for norm in ("l1", "l2")}
      >>> figure = sa.plot.heat_maps(results, groups=sa.SlidingMask(3, stride=2))
      >>> [axis.get_title() for axis in figure.axes[:5]]
      ['l1: |change|', 'l1', 'original', 'l2', 'l2: |change|']
    """
    if not isinstance(results, Mapping) or len(results) != 2:
        received = f"{len(results)} of them" if isinstance(results, Mapping) else type(results).__name__
        raise InputError(f"expected two results by name, {{'a': result, 'b': result}}, received {received}")
    for name, result in results.items():
        _check_result(f"{name!r} to be a result", result)
    first, second = results.values()
    if not np.array_equal(first.images, second.images):
        raise InputError(
            f"expected two results on the same images, received {first.images.shape} and others of "
            f"{second.images.shape}: choose the rows of both that belong together, result[rows]"
        )
    as_structure(groups).of(*first.images.shape[1:3])
    return _drawing().heat_maps_figure(results, _names(class_names), groups)


def _check_result(expected: str, result: Any) -> None:
    if not isinstance(result, AttackResult):
        raise InputError(f"expected {expected} of an attack, received {type(result).__name__}")
    if not len(result):
        raise InputError(f"expected {expected} with at least one example, received none")


def _names(class_names: Any) -> dict[int, str]:
    """The names by class number."""
    if class_names is None:
        return {}
    if isinstance(class_names, str) or not isinstance(class_names, Mapping | Sequence):
        raise InputError(
            "expected class_names to be a list or a dictionary such as {0: 'cat'}, "
            f"received {type(class_names).__name__}"
        )
    named = dict(class_names if isinstance(class_names, Mapping) else enumerate(class_names))
    for index in named:
        if not isinstance(index, int | np.integer):
            raise InputError(f"expected class_names by class number, {{0: 'cat'}}, received the key {index!r}")
    return {int(index): str(name) for index, name in named.items()}


def _drawing() -> Any:
    """The module `drawing`, which imports matplotlib."""
    try:
        from tf_strattack import drawing
    except ImportError as error:
        raise ImportError(f"expected matplotlib, received none ({error}): pip install tf-strattack[plot]") from error
    return drawing
