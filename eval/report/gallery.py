"""The gallery of examples: images, and the values that are shown and filtered by."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from tf_strattack.drawing import class_name

from .examples import Collected
from .images import embed
from .matrix import NAMES, Classes
from .predictions import Prediction

_GRADIENTS = "gradients"


def gallery_of(examples: Collected, class_names: Mapping[int, str], budget: int) -> dict[str, Any]:
    """The data of the gallery's script, as JSON values; the images take at most `budget` bytes.

    The distances of a failed example are null, as an unchanged image is no success with a small change.
    """
    classes = Classes.of(examples, class_names)
    images = embed(examples.coded, budget)
    seen = sorted({number for found in examples.predictions if found for number in (found.before, found.after)})
    rows = []
    for image, rank in _side_by_side(classes.attack[examples.places]):
        place = examples.places[image]
        success, gradients = bool(examples.success[place]), float(examples.gradients[place])
        values = {name: float(measure[place]) for name, measure in examples.measures.items()}
        rows.append(
            {
                "image": image,
                "example": rank,
                "attack": int(classes.attack[place]),
                "label": int(classes.label[place]),
                "target": int(classes.target[place]),
                "success": int(success),
                "seen": _seen(examples.predictions[image], seen),
                _GRADIENTS: None if np.isnan(gradients) else int(gradients),
                **{name: round(value, 4) if success else None for name, value in values.items()},
            }
        )
    return {
        **classes.names,
        "classes": [class_name(number, class_names) for number in seen],
        "measures": {**{name: NAMES[name] for name in examples.measures}, _GRADIENTS: "gradients"},
        "channels": examples.coded[0].original.shape[-1],
        "group_size": examples.side,
        "note": _note(examples, images),
        "images": images,
        "examples": rows,
    }


def _side_by_side(attacks: npt.NDArray[np.intp]) -> list[tuple[int, int]]:
    """Indices in `attacks` (N,) with their ranks: the first example of each attack, then the second, and so on."""
    rank = np.array([np.count_nonzero(attacks[:place] == attack) for place, attack in enumerate(attacks)], int)
    return [(int(place), int(rank[place])) for place in np.lexsort((attacks, rank))]


def _seen(prediction: Prediction | None, classes: list[int]) -> list[list[float]] | None:
    """A prediction as JSON, for original and adversarial image: the index in `classes` and the probability."""
    if prediction is None:
        return None
    before, before_share, after, after_share = prediction
    return [[classes.index(before), round(before_share, 4)], [classes.index(after), round(after_share, 4)]]


def _note(examples: Collected, images: Mapping[str, Any]) -> str:
    number, total = len(examples.places), len(examples.labels)
    chosen = f"{number} of {total}, drawn at random. " if number < total else ""
    grey = examples.coded[0].original.shape[-1] == 1
    red = "red where the image brightens, blue where it darkens" if grey else "added to grey"
    size = ""
    if images["factor"] > 1:
        size = f" Images are shown at 1/{images['factor']} of their size, pixels averaged."
    elif not images["exact"]:
        size = " Originals are compressed: their values are off by up to a few of 255 levels."
    group = " and its group" if images["examples"][0]["groups"] else " (the values of groups would not fit in)"
    predicted = " Under an image: the predicted class and its probability." * any(examples.predictions)
    return (
        f"{chosen}The change is {red}, enlarged to the full scale.{predicted} Point at a pixel, or focus the images "
        f"and use the arrow keys, to read the values of the pixel{group}. Enter, or the view “slider”, shows one large "
        f"image that fades from the original to the adversarial image and to the change.{size}"
    )
