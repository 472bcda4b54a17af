"""`--transform`: random changes of an image before the network sees it, over which an attack takes an expectation."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np

from tf_strattack import AttackResult, Classifier, Expectation, InputError
from tf_strattack.programs.numbers import number
from tf_strattack.runtime.devices import default_batch_size
from tf_strattack.runtime.rows import positions_of
from tf_strattack.transformations import Brightness, Chain, JpegLike, Noise, ResizePad, Shift, Transformation
from tf_strattack.typing import Classes, Flags, Images

_FORMS = "noise:0.25, brightness:0.1, shift:2, resize_pad:0.85 or jpeg:60:95"
# Name → the transformation, and how many numbers it takes.
_MAKERS: dict[str, tuple[type[Transformation], int]] = {
    "noise": (Noise, 1),
    "brightness": (Brightness, 1),
    "shift": (Shift, 1),
    "resize_pad": (ResizePad, 1),
    "jpeg": (JpegLike, 2),
}


@dataclasses.dataclass(frozen=True)
class InputTransform:
    """A random change of images before the network sees them.

    Attributes:
      transform: the change; None for none.
      seed: the seed of its draws.
    """

    transform: Transformation | None = None
    seed: int = 0

    def goal(self, network: Classifier) -> Classifier | Expectation:
        """What to attack: the network behind the change."""
        return network if self.transform is None else Expectation(network, self.transform, seed=self.seed)

    def correct(self, network: Classifier, images: Images, labels: Classes) -> Flags:
        """Whether (N,) the network sees the labels (N,) of images (N, H, W, C), behind the change on most draws."""
        goal = self.goal(network)
        if isinstance(goal, Classifier):
            return goal.classify(images) == labels
        return goal.correct(goal.prepare(images), labels, positions_of(images))

    def fooled(self, network: Classifier, result: AttackResult, confidence: float) -> Flags:
        """Whether (N,) the adversarial images of a result fool the network behind the change, tested again."""
        goal = self.goal(network)
        if isinstance(goal, Classifier):
            return goal.fooled_by(result.adversarial, result.labels, result.targets, confidence=confidence)
        aimed, positions = goal.aimed(result.targets is not None), positions_of(result.adversarial)
        classes = aimed.asked(result.labels, result.targets, positions)
        images = aimed.prepare(result.adversarial)
        size = default_batch_size(images.shape[1:])
        parts = [slice(first, first + size) for first in range(0, len(images), size)]
        return np.concatenate(
            [aimed.verify(images[p], classes[p], confidence=confidence, positions=positions[p]) for p in parts]
        )


UNCHANGED = InputTransform()


def parse_transforms(texts: Sequence[str]) -> Transformation | None:
    """The transformation of the flag; several are applied one after another, and none is None.

    Raises:
      InputError: an unknown name, or numbers that do not fit.
    """
    parts = [_parse(text) for text in texts]
    return Chain(parts) if len(parts) > 1 else next(iter(parts), None)


def _parse(text: str) -> Transformation:
    name, *numbers = text.split(":")
    maker, count = _MAKERS.get(name, (None, 0))
    try:
        values: list[Any] = [int(value) if value.is_integer() else value for value in map(number, numbers)]
    except ValueError:
        values = []
    if maker is None or len(values) != count:
        raise InputError(f"expected --transform like {_FORMS}, or several of them with commas, received {text!r}")
    try:
        return maker(*values)
    except InputError as error:
        raise InputError(f"{error}, in --transform={text}") from error
