"""training.train: trains and tests a network, and writes it with its card."""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf

from tf_strattack.errors import InputError
from tf_strattack.programs.command_line import command
from tf_strattack.programs.directories.configuration import claim, require_claimable
from tf_strattack.programs.directories.layouts import FINISHED
from tf_strattack.programs.directories.removal import discard
from tf_strattack.programs.running import require_new, tensorboard_directory
from tf_strattack.runtime.files import replacing, same_content

from . import flags, variants
from .card import write_card
from .chosen_variant import check_flags, chosen_variant
from .data import Split, load_splits
from .fit import Recipe, accuracy
from .nets import NETS, Net

_PROGRAM = "training.train"


def train_network() -> None:
    """Trains and tests the network, and writes it with its card.

    Raises:
      InputError: flags that do not fit, or an output file that exists.
    """
    check_flags()
    net = NETS[flags.DATASET.value][flags.NET.value]
    output = Path(flags.OUTPUT.value or f"{flags.DATASET.value}_{flags.NET.value}.keras")
    workspace = output.with_suffix(".training")
    _check_new(output, workspace / FINISHED)
    blank = net.build("float32")
    shape, num_classes = blank.input_shape[1:], blank.output_shape[1]
    recipe = _recipe(net)
    own, train_variant = chosen_variant(net, shape, num_classes)
    configuration = {
        "model": blank.name,
        "dataset": flags.DATASET.value,
        "variant": flags.VARIANT.value,
        **dataclasses.asdict(recipe),
        **own,
    }
    train, test, release = _claim_and_load(workspace, configuration, num_classes)
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


def _recipe(net: Net) -> Recipe:
    """The settings of the flags, and those of the network where a flag is unset."""
    return Recipe(
        epochs=flags.EPOCHS.value or net.epochs,
        batch_size=flags.BATCH_SIZE.value,
        learning_rate=flags.LEARNING_RATE.value,
        precision=flags.PRECISION.value,
        augment=net.augment,
        seed=flags.SEED.value,
    )


def _claim_and_load(
    workspace: Path, configuration: dict[str, Any], num_classes: int
) -> tuple[Split, Split, Callable[[], None]]:
    """Claims the workspace and loads the splits; returns these, and a function that gives the workspace free.

    Loading takes long, so whether the workspace can be claimed is found out before, and --overwrite removes an earlier
    training only after that.

    Raises:
      InputError: a workspace of another training, or no such data.
    """
    claiming: Any = {"program": _PROGRAM, "flag": "--output's backup", "overwrite": flags.OVERWRITE.value}
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
    return train, test, release or claim(workspace, configuration, **claiming)


def _check_new(output: Path, finished: Path) -> None:
    """Refuses files that exist, except the network of this training if it was interrupted before writing its card."""
    ours = same_content(finished, output)
    for path in (output.with_suffix(".json"), *([] if ours else [output])):
        require_new(path, overwrite=flags.OVERWRITE.value)


def _keep(network: keras.Model, output: Path, finished: Path) -> None:
    """Writes the network to `finished`, by which a resumed training recognises its own file, and then to `output`."""
    if not finished.exists():
        variants.save(network, finished)
    _check_new(output, finished)  # again: another program may have written the file during the training
    with replacing(output) as file, finished.open("rb") as source:
        shutil.copyfileobj(source, file)
