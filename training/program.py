"""training.train: trains and tests a network, and writes it with its card."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf
from absl import flags as absl_flags

from tf_strattack.errors import InputError
from tf_strattack.programs.command_line import command
from tf_strattack.programs.directories.configuration import claim, require_claimable
from tf_strattack.programs.directories.layouts import FINISHED
from tf_strattack.programs.directories.removal import discard
from tf_strattack.programs.running import require_new, tensorboard_directory
from tf_strattack.runtime.files import replacing, same_content

from . import flags, variants
from .adversarial_dataset import read_adversarial_dataset
from .card import write_card
from .data import load_splits
from .fit import Recipe, accuracy
from .nets import NETS, Net
from .pgd import PGD

_PROGRAM = "training.train"
# Variant → its own flags, and whether they are required.
_OWN_FLAGS = {
    "distilled": {flags.TEMPERATURE.name: True},
    "adversarial": {flags.ADVERSARIAL_DATASET.name: True},
    "pgd": {flags.EPSILON.name: False, flags.PGD_STEPS.name: False, flags.PGD_STEP_SIZE.name: False},
}


def train_network() -> None:
    """Trains and tests the network, and writes it with its card.

    Raises:
      InputError: flags that do not fit, or an output file that exists.
    """
    _check_flags()
    net = NETS[flags.DATASET.value][flags.NET.value]
    output = Path(flags.OUTPUT.value or f"{flags.DATASET.value}_{flags.NET.value}.keras")
    workspace = output.with_suffix(".training")
    _check_new(output, workspace / FINISHED)
    blank = net.build("float32")
    shape, num_classes = blank.input_shape[1:], blank.output_shape[1]
    recipe = Recipe(
        epochs=flags.EPOCHS.value or net.epochs,
        batch_size=flags.BATCH_SIZE.value,
        learning_rate=flags.LEARNING_RATE.value,
        precision=flags.PRECISION.value,
        augment=net.augment,
        seed=flags.SEED.value,
    )
    own, train_variant = _variant(net, shape, num_classes)
    configuration = {
        "model": blank.name,
        "dataset": flags.DATASET.value,
        "variant": flags.VARIANT.value,
        **dataclasses.asdict(recipe),
        **own,
    }
    claiming: Any = {"program": _PROGRAM, "flag": "--output's backup", "overwrite": flags.OVERWRITE.value}
    # Before the data are loaded, which takes long, find out whether the workspace can be claimed; --overwrite removes
    # an earlier training only after that.
    require_claimable(workspace, configuration, **claiming)
    release = None if workspace.exists() else claim(workspace, configuration, **claiming)
    try:
        train, test = load_splits(
            flags.DATASET.value, data_dir=flags.DATA_DIR.value, download=flags.DOWNLOAD.value, num_classes=num_classes
        )
    except InputError:
        if release is not None:
            discard(workspace, _PROGRAM)
        raise
    release = release or claim(workspace, configuration, **claiming)
    tf.config.experimental.enable_op_determinism()
    logs = tensorboard_directory(flags.TENSORBOARD_DIR.value)
    try:
        network, found = train_variant(variants.Task(net.build, train, test, recipe, workspace, logs))
    except KeyboardInterrupt:
        print(f"\ninterrupted; run the same command to resume after the last finished epoch, saved in {workspace}")
        raise
    facts = {
        **configuration,
        **found,
        "test_accuracy": accuracy(network, test),
        "command": command(),
        "input": f"float32 (N, {', '.join(map(str, shape))}) in [0, 1]",
        "output": f"{num_classes} logits",
    }
    _keep(network, output, workspace / FINISHED)
    write_card(output.with_suffix(".json"), **facts)  # last: other programs take a network with a card for finished
    discard(workspace, _PROGRAM)
    release()
    accuracies = {name: value for name, value in facts.items() if name.endswith("_accuracy")}
    print(f"{output}: " + ", ".join(f"{name.replace('_', ' ')} {value:.4f}" for name, value in accuracies.items()))


def _check_new(output: Path, finished: Path) -> None:
    """Refuses files that exist, except the network of this training if it was interrupted before writing its card."""
    ours = same_content(finished, output)
    for path in (output.with_suffix(".json"), *([] if ours else [output])):
        require_new(path, overwrite=flags.OVERWRITE.value)


def _keep(network: keras.Model, output: Path, finished: Path) -> None:
    """Writes the network to `finished`, by which a resumed training recognises its own file, and then to `output`."""
    if not finished.exists():
        partial = finished.with_name("partial.keras")
        network.save(partial)
        partial.replace(finished)
    _check_new(output, finished)  # again: another program may have written the file during the training
    with replacing(output) as file, finished.open("rb") as source:
        shutil.copyfileobj(source, file)


def _variant(
    net: Net, shape: tuple[int, ...], num_classes: int
) -> tuple[dict[str, Any], Callable[[variants.Task], variants.Outcome]]:
    """The variant's part of the configuration, and the function that trains the network."""
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
    return {}, variants.train_standard


def _check_flags() -> None:
    """Refuses values out of range, flags of other variants, and a missing flag that the variant requires."""
    for flag in (flags.TEMPERATURE, flags.EPSILON, flags.PGD_STEPS, flags.PGD_STEP_SIZE, flags.LEARNING_RATE):
        if flag.value is not None and not 0 < flag.value < float("inf"):
            raise InputError(f"expected --{flag.name} to be a number above 0, received {flag.value:g}")
    if flags.EPSILON.value is not None and flags.EPSILON.value > 1:
        raise InputError(f"expected --epsilon in [0, 1] scale, such as 8/255, received {flags.EPSILON.value:g}")
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
