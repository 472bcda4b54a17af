"""Clean accuracy near chance: a sign of a wrong input scale, or of labels numbered differently from the network's."""

from __future__ import annotations

# A network counts as guessing up to chance plus this share of the range from chance to 1.
_ABOVE_CHANCE = 0.15
# Fewer images say nothing about the accuracy.
_FEWEST = 5


def near_chance(correct: int, images: int, num_classes: int) -> bool:
    """Whether `correct` of `images` is hardly better than guessing among `num_classes`; False for under 5 images."""
    chance = 1 / num_classes
    return images >= _FEWEST and correct / images <= chance + _ABOVE_CHANCE * (1 - chance)


def chance_note(correct: int, images: int, num_classes: int, bounds: tuple[float, float]) -> str | None:
    """A note to the user if accuracy is near chance, else None."""
    if not near_chance(correct, images, num_classes):
        return None
    return (
        f"the network classifies only {correct} of {images} images correctly, while guessing gets 1 in "
        f"{num_classes} right: {what_to_check(bounds)}"
    )


def what_to_check(bounds: tuple[float, float]) -> str:
    """What to check if a network misclassifies most images."""
    low, high = bounds
    return (
        f"check that --bounds={low:g},{high:g} is the scale of the network's input, and that the labels (class_index "
        "in labels.csv) number the classes in the order of the network's outputs"
    )
