"""From images to examples: which images are attacked, towards which targets, and the names of the examples."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from tf_strattack import AttackResult, Classifier, InputError
from tf_strattack import targets as sa_targets
from tf_strattack.checks import check_classes
from tf_strattack.images import from_unit
from tf_strattack.programs.notices import notice
from tf_strattack.typing import Classes, Images

from .accuracy import chance_note, what_to_check
from .datasets import Record
from .targets import ALL, CLASS, LEAST_LIKELY, Targets
from .transforms import UNCHANGED, InputTransform

_SELECTION_BATCH = 64
# After so many images the note about accuracy near chance appears, early in a long run.
_EARLY = 20
_EVERY = Targets(ALL)


class Examples(NamedTuple):
    """A shard of examples, one per row: images (N, H, W, C) in the classifier's scale, labels, targets, names."""

    images: Images
    labels: Classes
    targets: Classes | None
    image_ids: npt.NDArray[np.str_]
    example_ids: npt.NDArray[np.str_]


class Selection:
    """The first `num_images` records that the network classifies correctly, with images in the classifier's scale.

    Attributes:
      num_images: the most images to select.
      image_shape: (H, W, C) of the images.
      targets: the targets, no more of them than the network has.
      attacked, skipped: how many records the iteration has selected and skipped so far.

    A note is printed once if accuracy is near chance: after 20 images, or at the end.
    """

    def __init__(
        self,
        records: Iterable[Record],
        classifier: Classifier,
        num_images: int | None,
        targets: Targets = _EVERY,
        *,
        own_labels: bool = False,
        input_transform: InputTransform = UNCHANGED,
    ) -> None:
        """Selects from `records` lazily, except the first record, which shows whether data and network fit.

        `num_images` is None for all. Images whose class is the target of all images are left out. With `own_labels` the
        network's predictions serve as labels, since an untrained network would get hardly any other label right. Behind
        an `input_transform` an image is classified correctly if it is on most draws.

        Raises:
          InputError: no image, no image that is classified correctly, or data that do not fit the network.
        """
        self.num_images = sys.maxsize if num_images is None else num_images
        self.attacked = self.skipped = 0
        self._first_shape: tuple[int, ...] | None = None
        self._records = iter(records)
        self._classifier = classifier
        self._own_labels = own_labels
        self._input_transform = input_transform
        self._targets = targets
        self._warned = False
        selected = self._select()
        first = next(selected, None)
        self.targets = targets.of_network(classifier.num_classes) if classifier.num_classes else targets
        if first is None:
            if not self.skipped:
                others = f" of another class than {targets.number}, the target," if targets.kind == CLASS else ""
                raise InputError(f"expected at least one image{others} in --dataset, received none")
            raise InputError(
                f"expected at least one correctly classified image in --dataset, received {self.skipped} others: "
                + what_to_check(classifier.bounds)
            )
        self.image_shape = first.image.shape
        self._selected = itertools.chain([first], selected)

    def __iter__(self) -> Iterator[Record]:
        """Yields the selected records once; reads and classifies a batch at a time."""
        return self._selected

    def warn_near_chance(self, attacked: int, skipped: int) -> str | None:
        """A warning if the network, with `attacked` images right and `skipped` wrong, hardly does better than guessing.

        The first warning is printed; None if all is well.
        """
        num_classes = self._classifier.num_classes or 1
        note = chance_note(attacked, attacked + skipped, num_classes, self._classifier.bounds)
        if note and not self._warned:
            self._warned = True
            notice(note)
        return note

    def _select(self) -> Iterator[Record]:
        for record, correct in self._classified():
            self.attacked += correct
            self.skipped += not correct
            if self.attacked and self.attacked + self.skipped == _EARLY:
                self.warn_near_chance(self.attacked, self.skipped)
            if correct:
                yield record
            if self.attacked == self.num_images:
                break
        if self.attacked:  # otherwise the caller raises an error
            self.warn_near_chance(self.attacked, self.skipped)

    def _classified(self) -> Iterator[tuple[Record, bool]]:
        while self.attacked < self.num_images:
            # No more than needed: large images are read and classified as late as possible.
            wanted = min(_SELECTION_BATCH, self.num_images - self.attacked)
            chunk = list(itertools.islice(self._records, wanted))
            if not chunk:
                return
            scaled = [record._replace(image=self._scaled(record)) for record in chunk]
            images = np.stack([record.image for record in scaled])
            if self._own_labels:
                classes = self._classifier.classify(images)
                scaled = [r._replace(label=int(c)) for r, c in zip(scaled, classes, strict=True)]
            self._classifier.prepare(images[:1])
            number = self._classifier.num_classes
            for record in scaled:
                if not 0 <= record.label < (number or 0):
                    raise InputError(
                        f"expected labels from 0 to {(number or 0) - 1}, as the network has {number} classes, received "
                        f"{record.label} for {record.name}: number the classes in the order of the network's outputs"
                    )
            labels = check_classes([record.label for record in scaled], len(scaled), number, "labels")
            if self._targets.kind == LEAST_LIKELY:
                least = sa_targets.least_likely(self._classifier, images)
                scaled = [r._replace(least_likely=int(c)) for r, c in zip(scaled, least, strict=True)]
            right = self._input_transform.correct(self._classifier, images, labels)
            for record, correct in zip(scaled, right, strict=True):
                if self._targets.leaves_out(record.label):
                    notice(f"images of class {record.label}, the target, are left out")
                else:
                    yield record, bool(correct)

    def _scaled(self, record: Record) -> Images:
        self._first_shape = self._first_shape or record.image.shape
        # Examples share arrays, so the first image decides any size that the network leaves open.
        own = self._classifier.image_shape or (None,) * len(self._first_shape)
        if len(own) != len(self._first_shape):
            raise InputError(f"expected images of the model's shape {own}, received {record.image.shape}")
        wanted = tuple(s if w is None else w for w, s in zip(own, self._first_shape, strict=True))
        if wanted != record.image.shape:
            raise InputError(
                f"expected images of the model's shape {wanted}, received {record.image.shape} in {record.name}: "
                + _remedy(wanted, record.image.shape)
            )
        return from_unit(record.image, self._classifier.bounds)


def _remedy(wanted: tuple[int | None, ...], received: tuple[int, ...]) -> str:
    """What to do about images (H, W, C) that the model does not take."""
    height, width, channels = wanted
    if received == (width, channels, height):
        series = "; if it takes series, store them by tf_strattack.images.from_series(images)" if height == 1 else ""
        return f"if the model's input is (channels, height, width), state --data_format=channels_first{series}"
    if received == (channels, height, width) and channels not in (1, 3, 4):
        return "if the model's input is (height, width, channels), state --data_format=channels_last"
    if received == (channels, height, width):
        return "store the images with their channels last"
    return "add --resize=PIXELS, or choose the model's own data set"


def make_shards(
    records: Iterable[Record], classifier: Classifier, targets: Targets, *, rows: int, seed: int
) -> Iterator[Examples]:
    """Pairs each image with its targets, `rows` examples per shard.

    The targets of an image depend on the seed and its rank alone, not on the number of images.
    """
    pairs = (
        (record, target)
        for rank, record in enumerate(records)
        for target in targets.of(record.label, record.least_likely, rank, classifier.num_classes or 0, seed)
    )
    while shard := list(itertools.islice(pairs, rows)):
        yield examples_of(shard)


def examples_of(pairs: Sequence[tuple[Record, int | None]]) -> Examples:
    """The examples of pairs of a record, in the classifier's scale, and a target; all targets or none are None."""
    records, targets = zip(*pairs, strict=True)
    return Examples(
        images=np.stack([record.image for record in records]),
        labels=np.array([record.label for record in records], np.int32),
        targets=None if targets[0] is None else np.array(targets, np.int32),
        image_ids=np.array([record.name for record in records]),
        example_ids=np.array(
            [record.name + ("_untargeted" if target is None else f"_to_{target}") for record, target in pairs]
        ),
    )


def image_ids(result: AttackResult) -> npt.NDArray[np.str_]:
    """The part of each example id that names the image."""
    if result.example_ids is None:
        raise ValueError("the result has no example ids")
    suffix = "_untargeted" if result.targets is None else "_to_"
    return np.array([name.rpartition(suffix)[0] for name in result.example_ids])
