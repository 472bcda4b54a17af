"""Clean accuracy near chance: the sign of a wrong scale, or of labels that are not those of the network."""

from __future__ import annotations

# Of what is above chance, the share up to which a network counts as guessing.
_ABOVE_CHANCE = 0.15
# Fewer images say nothing.
_FEWEST = 5


def near_chance(correct: int, images: int, num_classes: int) -> bool:
    """Whether `correct` of `images` is hardly better than a guess among `num_classes`; never of fewer than 5 images."""
    chance = 1 / num_classes
    return images >= _FEWEST and correct / images <= chance + _ABOVE_CHANCE * (1 - chance)


def chance_note(correct: int, images: int, num_classes: int, bounds: tuple[float, float]) -> str | None:
    """What to tell the user if accuracy is near chance, else None."""
    if not near_chance(correct, images, num_classes):
        return None
    return (
        f"the network classifies only {correct} of {images} images correctly, where guessing gets 1 in "
        f"{num_classes}: {what_to_check(bounds)}"
    )


def what_to_check(bounds: tuple[float, float]) -> str:
    """The likely mistakes where a network misclassifies."""
    low, high = bounds
    return (
        f"check that --bounds={low:g},{high:g} is the scale of the network's input, and that the labels (class_index "
        "in labels.csv) number the classes as the network's outputs do"
    )
