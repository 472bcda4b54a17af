"""Places for names by their dots, where they cover nothing: all lengths are in points."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from typing import NamedTuple

from matplotlib.path import Path as Line
from matplotlib.transforms import Bbox


class Place(NamedTuple):
    """Where a name stands, from its dot.

    Attributes:
      right: how far to the right of the dot it begins, ends or has its middle.
      above: how far above the dot.
      across: its horizontal alignment there: "left", "right" or "center".
      along: its vertical alignment: "bottom", "top" or "center".
      apart: whether it is so far away that it has a line to its dot.
    """

    right: float
    above: float
    across: str
    along: str
    apart: bool = False

    def box(self, name: Name) -> Bbox:
        """The box of the name here."""
        left = name.x + self.right - {"left": 0.0, "center": 0.5, "right": 1.0}[self.across] * name.width
        bottom = name.y + self.above - {"bottom": 0.0, "center": 0.5, "top": 1.0}[self.along] * name.height
        return Bbox.from_bounds(left, bottom, name.width, name.height)

    def line(self, name: Name) -> Line | None:
        """The line from the middle of the name to its dot, if it is so far away."""
        box = self.box(name)
        return Line([(name.x, name.y), ((box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2)]) if self.apart else None


class Name(NamedTuple):
    """The middle of a name's dot, the size of the name, and whether it may stand far away, with a line to its dot."""

    x: float
    y: float
    width: float
    height: float
    movable: bool = True


# In the order in which they are tried.
_NEAR = (
    Place(9, 0, "left", "center"),
    Place(-9, 0, "right", "center"),
    Place(0, 9, "center", "bottom"),
    Place(0, -9, "center", "top"),
    Place(8, 8, "left", "bottom"),
    Place(-8, 8, "right", "bottom"),
    Place(8, -8, "left", "top"),
    Place(-8, -8, "right", "top"),
)
_SIDES = {1: "left", 0.5: "left", 0: "center", -0.5: "right", -1: "right"}
_FAR = tuple(
    Place(right * away, above * away, side, "bottom" if above > 0 else "top", True)
    for away in (18, 28, 38, 48, 60, 72)
    for right, side in _SIDES.items()
    for above in (-1, 1, -0.5, 0.5)
)
_ROUNDS = 6


def places_of(names: Sequence[Name], taken: Sequence[Bbox], window: Bbox, drawn: Sequence[Line] = ()) -> list[Place]:
    """The first place of each name at which it and its line cover the least.

    Args:
      names: the names, the earlier ones placed first; then each is placed again, with all others in sight.
      taken: boxes that no name should cover, those of the dots included.
      window: a place outside it is the last choice.
      drawn: lines that no name should cover.
    """
    found = dict[int, Place]()
    for _ in range(_ROUNDS):
        before = dict(found)
        for number, name in enumerate(names):
            others = [(names[other], place) for other, place in found.items() if other != number]
            found[number] = _best(name, others, taken, window, drawn)
        if found == before:
            break
    return list(found.values())


def _best(
    name: Name, others: Sequence[tuple[Name, Place]], taken: Sequence[Bbox], window: Bbox, drawn: Sequence[Line]
) -> Place:
    words = [place.box(other) for other, place in others]
    lines = [*drawn, *(line for other, place in others if (line := place.line(other)))]
    places = (*_NEAR, *_FAR) if name.movable else _NEAR
    return min(places, key=functools.partial(_badness, name, words, lines, taken, window))


def _badness(
    name: Name, words: Sequence[Bbox], lines: Sequence[Line], taken: Sequence[Bbox], window: Bbox, place: Place
) -> int:
    """How much a name here and its line cover: a name on anything is worse than a line, and a line on a dot best."""
    box, line = place.box(name), place.line(name)
    outside = not (window.contains(*box.min) and window.contains(*box.max))
    covered = sum(box.overlaps(other) for other in (*words, *taken))
    crossed = sum(other.intersects_bbox(box) for other in lines)
    passed = 0
    if line is not None:
        crossed += sum(line.intersects_bbox(other) for other in words)
        passed = sum(line.intersects_bbox(other) for other in taken if not other.contains(name.x, name.y))
    return 10_000 * outside + 400 * covered + 20 * crossed + passed
