"""How many examples are attacked at a time: what the caller asks for, and less where memory does not suffice."""

from __future__ import annotations

from tf_strattack.checks import check_count
from tf_strattack.classifiers.classifier import Classifier
from tf_strattack.classifiers.memory import fitting_batch_size, no_room
from tf_strattack.errors import InputError
from tf_strattack.runtime import devices
from tf_strattack.typing import Images


def chosen_batch_size(asked: int | str | None, classifier: Classifier, images: Images) -> int:
    """The batch size for `images` (N, H, W, C) that is `asked` for: a number, None or "auto".

    Raises:
      InputError: anything else.
    """
    if asked is None:
        return devices.default_batch_size(images.shape[1:])
    if asked == "auto":
        return fitting_batch_size(classifier, images) if len(images) else 1
    if isinstance(asked, str):
        raise InputError(f"expected batch_size to be a whole number of at least 1, or auto, received {asked!r}")
    return check_count("batch_size", asked)


def smaller_batch_size(classifier: Classifier, images: Images, asked: int | str | None, error: Exception) -> int:
    """A batch size below the number of `images` (N, H, W, C), with which memory did not suffice.

    Raises:
      InputError: a number was `asked` for, or there is a single image.
    """
    if len(images) == 1:
        raise no_room(images.shape[1:]) from error
    smaller = min(len(images) // 2, fitting_batch_size(classifier, images))
    if asked != "auto":
        raise InputError(
            f"expected a batch that fits in memory, received {len(images)} images of shape {images.shape[1:]} at once: "
            f"use batch_size={smaller}"
        ) from error
    return smaller
