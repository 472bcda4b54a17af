"""How many examples are attacked at a time: the requested number, the usual one, or what fits in memory."""

from __future__ import annotations

from tf_strattack.attacks.memory import fitting_batch_size, no_room, usual_batch_size
from tf_strattack.checks import check_count
from tf_strattack.errors import InputError
from tf_strattack.problem.goals.base import Goal
from tf_strattack.typing import Images


def chosen_batch_size(requested: int | str | None, goal: Goal, images: Images) -> int:
    """The batch size that a caller means, for images (N, H, W, C).

    Raises:
      InputError: anything but a whole number of at least 1, None or "auto"; or too little memory for any batch.
    """
    if requested is None:
        return usual_batch_size(goal, images.shape[1:])
    if requested == "auto":
        return fitting_batch_size(goal, images) if len(images) else 1
    if isinstance(requested, str):
        raise InputError(f"expected batch_size to be a whole number of at least 1, or auto, received {requested!r}")
    return check_count("batch_size", requested)


def smaller_batch_size(goal: Goal, images: Images, requested: int | str | None, error: Exception) -> int:
    """A smaller batch size, after `error` has shown that the images (N, H, W, C) do not fit in memory at once.

    Raises:
      InputError: the caller requested a batch size, or no smaller one exists.
    """
    if len(images) == 1:
        raise no_room(images.shape[1:]) from error
    smaller = min(len(images) // 2, fitting_batch_size(goal, images))
    if requested != "auto":
        raise InputError(
            f"expected a batch that fits in memory, received {len(images)} images of shape {images.shape[1:]} at once: "
            f"use batch_size={smaller}"
        ) from error
    return smaller
