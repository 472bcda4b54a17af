"""`--targets`: towards which classes each image is attacked."""

from __future__ import annotations

import dataclasses

from tf_strattack import InputError, targets
from tf_strattack.programs.numbers import whole_number

ALL, RANDOM, CLASS, LEAST_LIKELY, UNTARGETED = "all", "random", "class", "least_likely", "untargeted"


@dataclasses.dataclass(frozen=True)
class Targets:
    """Which targets images have.

    Attributes:
      kind: "all" other classes, "random" ones, one "class", the "least_likely" one, or "untargeted".
      number: how many random targets an image has, or which class is the target.
    """

    kind: str
    number: int = 1

    def __str__(self) -> str:
        """As on the command line."""
        plain = self.kind not in (RANDOM, CLASS) or (self.kind, self.number) == (RANDOM, 1)
        return self.kind if plain else f"{self.kind}:{self.number}"

    def check(self, num_classes: int) -> None:
        """Refuses what a network of so many classes does not have.

        Raises:
          InputError: more targets than other classes, or a class that is none.
        """
        if self.kind == RANDOM and self.number > num_classes - 1:
            raise InputError(f"expected --targets of at most {num_classes - 1}, the other classes, received {self}")
        if self.kind == CLASS and self.number >= num_classes:
            raise InputError(f"expected --targets=class:0 to class:{num_classes - 1}, received {self}")

    def per_image(self, num_classes: int) -> int:
        """How many examples an image makes."""
        if self.kind == ALL:
            return num_classes - 1
        return self.number if self.kind == RANDOM else 1

    def leaves_out(self, label: int) -> bool:
        """Whether images of a class are not attacked, as it is the target."""
        return self.kind == CLASS and label == self.number

    def of(self, label: int, least_likely: int, rank: int, num_classes: int, seed: int) -> list[int | None]:
        """The targets of an image; None stands for an untargeted attack.

        Args:
          label: of the image.
          least_likely: the class to which the network gives the lowest score.
          rank: the place of the image among those that are attacked. Random targets depend on it and on `seed` alone.
          num_classes: of the network.
          seed: of random targets.
        """
        if self.kind == UNTARGETED:
            return [None]
        if self.kind == ALL:
            return [c for c in range(num_classes) if c != label]
        if self.kind == CLASS:
            return [self.number]
        if self.kind == LEAST_LIKELY:
            return [least_likely]
        drawn = targets.random([label], num_classes, self.number, seed, first_row=rank)
        return list(map(int, drawn[0]))


def parse_targets(text: str) -> Targets:
    """What --targets says.

    Raises:
      InputError: another word, or a number alone, which could be meant in two ways.
    """
    kind, colon, rest = text.partition(":")
    number = whole_number(rest)
    if not colon and kind in (ALL, RANDOM, LEAST_LIKELY, UNTARGETED):
        return Targets(kind)
    if kind == CLASS and number is not None:
        return Targets(CLASS, number)
    if kind == RANDOM and number:
        return Targets(RANDOM, number)
    if (alone := whole_number(text)) is not None:
        raise InputError(
            f"expected --targets=random:{max(alone, 1)}, random targets for each image, or --targets=class:{alone}, "
            f"the class {alone} for all images, received {text!r}"
        )
    raise InputError(
        f"expected --targets to be all, random, random:3, class:3, least_likely or untargeted, received {text!r}"
    )
