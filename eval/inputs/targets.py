"""`--targets`: the target classes of each image."""

from __future__ import annotations

import dataclasses

from tf_strattack import InputError, targets
from tf_strattack.programs.numbers import whole_number

ALL, RANDOM, CLASS, LEAST_LIKELY, UNTARGETED = "all", "random", "class", "least_likely", "untargeted"


@dataclasses.dataclass(frozen=True)
class Targets:
    """The targets of images.

    Attributes:
      kind: "all" other classes, "random" classes, one "class", the "least_likely" class, or "untargeted".
      number: the number of random targets per image, or the class that is the target.
      fewer_do: whether a network with fewer other classes gets fewer random targets, as with a default.
    """

    kind: str
    number: int = 1
    fewer_do: bool = False

    def __str__(self) -> str:
        """The text of the command line."""
        plain = self.kind not in (RANDOM, CLASS) or (self.kind, self.number) == (RANDOM, 1)
        return self.kind if plain else f"{self.kind}:{self.number}"

    def of_network(self, num_classes: int) -> Targets:
        """These targets for a network with `num_classes` classes.

        Raises:
          InputError: as `check`.
        """
        most = num_classes - 1
        if self.fewer_do and self.kind == RANDOM and self.number > most > 0:
            return dataclasses.replace(self, number=most)
        self.check(num_classes)
        return self

    def check(self, num_classes: int) -> None:
        """Refuses targets that a network with `num_classes` classes does not have.

        Raises:
          InputError: more targets than other classes, or a class that does not exist.
        """
        if self.kind == RANDOM and self.number > num_classes - 1:
            raise InputError(f"expected --targets of at most {num_classes - 1}, the other classes, received {self}")
        if self.kind == CLASS and self.number >= num_classes:
            raise InputError(f"expected --targets=class:0 to class:{num_classes - 1}, received {self}")

    def per_image(self, num_classes: int) -> int:
        """The number of examples per image."""
        if self.kind == ALL:
            return num_classes - 1
        return self.number if self.kind == RANDOM else 1

    def leaves_out(self, label: int) -> bool:
        """Whether images of the class `label` are not attacked, as it is the target."""
        return self.kind == CLASS and label == self.number

    def of(self, label: int, least_likely: int, rank: int, num_classes: int, seed: int) -> list[int | None]:
        """The targets of an image; None stands for an untargeted attack.

        Args:
          label: the label of the image.
          least_likely: the class to which the network gives the lowest score.
          rank: the place of the image among the attacked images. Random targets depend on it and on `seed` alone.
          num_classes: the number of classes of the network.
          seed: the seed of random targets.
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
    """Parses the value of --targets.

    Raises:
      InputError: another word, or a number alone, which is ambiguous.
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
            f"expected --targets=random:{max(alone, 1)} for random targets of each image, or --targets=class:{alone} "
            f"for class {alone} as the target of all images, received {text!r}"
        )
    raise InputError(
        f"expected --targets to be all, random, random:3, class:3, least_likely or untargeted, received {text!r}"
    )
