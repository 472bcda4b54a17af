"""The examples that can be looked at: images, and what is told and filtered by."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from ..tables.measures import format_value
from .examples import Collected
from .images import embed
from .matrix import NAMES, Classes

_COUNTS = ("l0", "nonzero_groups")


def gallery_of(examples: Collected, class_names: Mapping[int, str], budget: int) -> dict[str, Any]:
    """What the gallery's script needs, as JSON values; its images take `budget` bytes at most."""
    classes = Classes.of(examples, class_names)
    images = embed(examples.coded, budget)
    rows = []
    for image in _side_by_side(classes.attack[examples.places]):
        place = examples.places[image]
        values = {name: float(measure[place]) for name, measure in examples.measures.items()}
        rows.append(
            {
                "image": image,
                "attack": int(classes.attack[place]),
                "label": int(classes.label[place]),
                "target": int(classes.target[place]),
                "success": int(examples.success[place]),
                "text": ", ".join(f"{NAMES[name]} {_text(name, value)}" for name, value in values.items()),
                **{name: round(value, 4) for name, value in values.items()},
            }
        )
    return {
        **classes.names,
        "measures": {name: NAMES[name] for name in examples.measures},
        "channels": examples.coded[0].original.shape[-1],
        "group_size": examples.side,
        "note": _note(examples, images),
        "images": images,
        "examples": rows,
    }


def _side_by_side(attacks: npt.NDArray[np.intp]) -> list[int]:
    """The order in which the first example of each attack (N,) comes first, then the second of each, and so on."""
    rank = np.array([np.count_nonzero(attacks[:place] == attack) for place, attack in enumerate(attacks)], int)
    return [int(place) for place in np.lexsort((attacks, rank))]


def _text(name: str, value: float) -> str:
    return f"{value:.0f}" if name in _COUNTS else format_value(name, value)


def _note(examples: Collected, images: Mapping[str, Any]) -> str:
    number, total = len(examples.places), len(examples.labels)
    chosen = f"{number} of {total}, drawn at random. " if number < total else ""
    grey = examples.coded[0].original.shape[-1] == 1
    red = "red where it brightens and blue where it darkens" if grey else "added to grey"
    size = ""
    if images["factor"] > 1:
        size = f" Images are shown at 1/{images['factor']} of their size, pixels averaged."
    elif not images["exact"]:
        size = " Originals are compressed: their values are within a few levels of 255."
    group = " and its group" if images["examples"][0]["groups"] else "; the groups' values would not fit in"
    return (
        f"{chosen}Each slider goes from the original over the adversarial image to the perturbation, {red}, enlarged "
        "to the full scale. Point at a pixel, or give an image the focus and use the arrow keys, to read it"
        f"{group}.{size}"
    )
