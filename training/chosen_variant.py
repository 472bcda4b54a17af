"""`--variant`: how the network is trained, and the flags that belong to it."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path
from typing import Any

from absl import flags as absl_flags

from tf_strattack.errors import InputError
from tf_strattack.programs.running import tensorboard_directory

from . import flags, variants
from .adversarial_dataset import read_adversarial_dataset
from .nets import Net
from .pgd import PGD

# Variant → its own flags, and whether they are required.
_OWN_FLAGS = {
    "distilled": {flags.TEMPERATURE.name: True},
    "adversarial": {flags.ADVERSARIAL_DATASET.name: True},
    "pgd": {flags.EPSILON.name: False, flags.PGD_STEPS.name: False, flags.PGD_STEP_SIZE.name: False},
    "noise": {flags.NOISE_STD.name: False},
    "ensemble": {flags.MEMBERS.name: False},
}
_POSITIVE = (
    flags.TEMPERATURE,
    flags.EPSILON,
    flags.PGD_STEPS,
    flags.PGD_STEP_SIZE,
    flags.NOISE_STD,
    flags.LEARNING_RATE,
)
_NOISE_STD, _MEMBERS = 0.25, 3
# The largest number that generators take.
_MAX_SEED = 2**31 - 1


def chosen_variant(
    net: Net, shape: tuple[int, ...], num_classes: int
) -> tuple[dict[str, Any], Callable[[variants.Task], variants.Outcome]]:
    """The variant's part of the configuration, and the function that trains the network.

    Args:
      net: the network, with its default radius of PGD.
      shape, num_classes: the images (H, W, C) and the classes that the network takes.

    Raises:
      InputError: adversarial examples that do not fit.
    """
    if flags.VARIANT.value == "distilled":
        temperature = flags.TEMPERATURE.value or 0.0
        return {"temperature": temperature}, lambda task: variants.train_distilled(task, temperature)
    if flags.VARIANT.value == "adversarial":
        added = read_adversarial_dataset(
            Path(flags.ADVERSARIAL_DATASET.value or ""),
            dataset=flags.DATASET.value,
            image_shape=shape,
            num_classes=num_classes,
        )
        own = {
            "examples_added": len(added.split),
            "failed_examples_left_out": added.failed,
            "examples": added.made_by,
        }
        return own, lambda task: variants.train_adversarial(task, added.split)
    if flags.VARIANT.value == "pgd":
        attack = PGD(flags.EPSILON.value or net.epsilon, flags.PGD_STEPS.value or 7, flags.PGD_STEP_SIZE.value)
        own = {"pgd": {**dataclasses.asdict(attack), "warmup": variants.WARMUP}}
        return own, lambda task: variants.train_pgd(task, attack)
    if flags.VARIANT.value == "noise":
        std = flags.NOISE_STD.value or _NOISE_STD
        return {"noise_std": std}, lambda task: variants.train_noise(task, std)
    if flags.VARIANT.value == "ensemble":
        members = flags.MEMBERS.value or _MEMBERS
        return {"members": members}, lambda task: variants.train_ensemble(task, members)
    return {}, variants.train_standard


def check_flags() -> None:
    """Refuses values out of range, flags of other variants, and a missing flag that the variant requires.

    Raises:
      InputError: one of these.
    """
    for flag in _POSITIVE:
        if flag.value is not None and not 0 < flag.value < float("inf"):
            raise InputError(f"expected --{flag.name} to be a number above 0, received {flag.value:g}")
    for flag, example in ((flags.EPSILON, "8/255"), (flags.NOISE_STD, "0.25")):
        if flag.value is not None and flag.value > 1:
            raise InputError(f"expected --{flag.name} in [0, 1] scale, such as {example}, received {flag.value:g}")
    largest = _MAX_SEED + 1 - (flags.MEMBERS.value or _MEMBERS)
    if flags.VARIANT.value == "ensemble" and flags.SEED.value > largest:
        raise InputError(f"expected --seed of at most {largest}, one for each member, received {flags.SEED.value}")
    if flags.OUTPUT.value is not None and not flags.OUTPUT.value.endswith(".keras"):
        raise InputError(f"expected --output to end in .keras, received {flags.OUTPUT.value}")
    if flags.OUTPUT.value is not None and Path(flags.OUTPUT.value).is_dir():
        raise InputError(f"expected --output to be a file, received {flags.OUTPUT.value}, which is a directory")
    for variant, names in _OWN_FLAGS.items():
        for name, needed in names.items():
            given = absl_flags.FLAGS[name].value is not None
            if given and variant != flags.VARIANT.value:
                raise InputError(
                    f"expected --{name} with --variant={variant} only, received it with {flags.VARIANT.value}"
                )
            if needed and not given and variant == flags.VARIANT.value:
                raise InputError(f"expected --{name} with --variant={variant}, received none")
    tensorboard_directory(flags.TENSORBOARD_DIR.value)  # refuses a directory that cannot be written, before any work
