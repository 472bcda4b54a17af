"""Trains the network of a data set: `python -m training.train --dataset=mnist --output=FILE.keras`.

Writes the network and, beside it, a model card (JSON) with its test accuracy, configuration and versions. Stopped,
it goes on at the last finished epoch when the same command is given again.
"""

from __future__ import annotations

import dataclasses
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import tensorflow as tf
from absl import flags

from eval.directories.configuration import claim, require_claimable
from eval.directories.files import replacing, same_content
from eval.directories.layouts import FINISHED
from eval.directories.removal import discard
from eval.program import command, require_new, run, tensorboard_directory
from tf_strattack.errors import InputError
from training import variants
from training.adversarial_dataset import read_adversarial_dataset
from training.card import write_card
from training.data import load_splits
from training.fit import Recipe, accuracy
from training.nets import NETS, PRECISIONS, Net
from training.pgd import PGD

_PROGRAM = "training.train"
_DATASET = flags.DEFINE_enum("dataset", "mnist", sorted(NETS), "Data set to train on.")
_DATA_DIR = flags.DEFINE_string("data_dir", None, "Directory of prepared TFDS data sets.")
_DOWNLOAD = flags.DEFINE_bool("download", False, "Let TFDS download what is missing.")
_VARIANT = flags.DEFINE_enum(
    "variant", "standard", ["standard", "distilled", "adversarial", "pgd"], "How the network is defended."
)
_TEMPERATURE = flags.DEFINE_float("temperature", None, "Temperature of --variant=distilled, above 0.")
_ADVERSARIAL_DATASET = flags.DEFINE_string(
    "adversarial_dataset", None, "Directory that eval.generate or eval.attack wrote, for --variant=adversarial."
)
_EPSILON = flags.DEFINE_float(
    "epsilon", None, "Radius of --variant=pgd in [0, 1] scale; 0.3 for mnist, 8/255 for cifar10 if unset."
)
_PGD_STEPS = flags.DEFINE_integer("pgd_steps", None, "Steps of the attack within --variant=pgd; 7 if unset.")
_PGD_STEP_SIZE = flags.DEFINE_float("pgd_step_size", None, "Length of these steps; 2.5 epsilon / steps if unset.")
_EPOCHS = flags.DEFINE_integer(
    "epochs", None, "Passes over the training split; 12 for mnist, 40 for cifar10 if unset.", lower_bound=1
)
_BATCH_SIZE = flags.DEFINE_integer("batch_size", 128, "Images per step.", lower_bound=1)
_LEARNING_RATE = flags.DEFINE_float("learning_rate", 1e-3, "Initial rate of Adam; decays to 0 as a cosine.")
_PRECISION = flags.DEFINE_enum(
    "precision",
    "float32",
    PRECISIONS,
    "Arithmetic of training; bfloat16 is faster where the processor has it. The network is float32.",
)
_SEED = flags.DEFINE_integer(
    "seed", 0, "Seed of initial weights, order, augmentation and dropout.", lower_bound=0, upper_bound=2**31 - 2
)
_OUTPUT = flags.DEFINE_string("output", None, "The .keras file to write; DATASET_cnn.keras if unset.")
_TENSORBOARD_DIR = flags.DEFINE_string("tensorboard_dir", None, "Where TensorBoard's logs go, if anywhere.")
_OVERWRITE = flags.DEFINE_bool("overwrite", False, "Replace an existing output file, or a training under way.")

# Variant → the flags that it alone takes, and whether it needs them.
_OWN_FLAGS = {
    "distilled": {_TEMPERATURE.name: True},
    "adversarial": {_ADVERSARIAL_DATASET.name: True},
    "pgd": {_EPSILON.name: False, _PGD_STEPS.name: False, _PGD_STEP_SIZE.name: False},
}


def main() -> None:
    """Trains, tests, and writes the network with its card."""
    _check_flags()
    net = NETS[_DATASET.value]
    output = Path(_OUTPUT.value or f"{_DATASET.value}_cnn.keras")
    workspace = output.with_suffix(".training")
    _check_new(output, workspace / FINISHED)
    blank = net.build("float32")
    shape, num_classes = blank.input_shape[1:], blank.output_shape[1]
    recipe = Recipe(
        epochs=_EPOCHS.value or net.epochs,
        batch_size=_BATCH_SIZE.value,
        learning_rate=_LEARNING_RATE.value,
        precision=_PRECISION.value,
        augment=net.augment,
        seed=_SEED.value,
    )
    own, train_variant = _variant(net, shape, num_classes)
    configuration = {
        "model": blank.name,
        "dataset": _DATASET.value,
        "variant": _VARIANT.value,
        **dataclasses.asdict(recipe),
        **own,
    }
    claiming: Any = {"program": _PROGRAM, "flag": "--output's backup", "overwrite": _OVERWRITE.value}
    require_claimable(workspace, configuration, **claiming)
    train, test = load_splits(
        _DATASET.value, data_dir=_DATA_DIR.value, download=_DOWNLOAD.value, num_classes=num_classes
    )
    release = claim(workspace, configuration, **claiming)
    tf.config.experimental.enable_op_determinism()
    logs = tensorboard_directory(_TENSORBOARD_DIR.value)
    try:
        network, found = train_variant(variants.Task(net.build, train, test, recipe, workspace, logs))
    except KeyboardInterrupt:
        print(f"\ninterrupted; the same command resumes after the last finished epoch, kept in {workspace}")
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
    write_card(output.with_suffix(".json"), **facts)  # last: with its card a network is finished
    discard(workspace, _PROGRAM)
    release()
    accuracies = {name: value for name, value in facts.items() if name.endswith("_accuracy")}
    print(f"{output}: " + ", ".join(f"{name.replace('_', ' ')} {value:.4f}" for name, value in accuracies.items()))


def _check_new(output: Path, finished: Path) -> None:
    """Refuses files that are there already, but for the network of this training if it was stopped before its card."""
    ours = same_content(finished, output)
    for path in (output.with_suffix(".json"), *([] if ours else [output])):
        require_new(path, overwrite=_OVERWRITE.value)


def _keep(network: keras.Model, output: Path, finished: Path) -> None:
    """Writes the network to `output`, and before that to `finished`, by which a stopped training knows it again."""
    if not finished.exists():
        partial = finished.with_name("partial.keras")
        network.save(partial)
        partial.replace(finished)
    _check_new(output, finished)  # again: a training takes long
    with replacing(output) as file, finished.open("rb") as source:
        shutil.copyfileobj(source, file)


def _variant(
    net: Net, shape: tuple[int, ...], num_classes: int
) -> tuple[dict[str, Any], Callable[[variants.Task], variants.Outcome]]:
    """What the variant adds to the configuration, and the function that trains it."""
    if _VARIANT.value == "distilled":
        temperature = _TEMPERATURE.value or 0.0
        return {"temperature": temperature}, lambda task: variants.train_distilled(task, temperature)
    if _VARIANT.value == "adversarial":
        added = read_adversarial_dataset(
            Path(_ADVERSARIAL_DATASET.value or ""), dataset=_DATASET.value, image_shape=shape, num_classes=num_classes
        )
        own = {
            "examples_added": len(added.split),
            "failed_examples_left_out": added.failed,
            "examples": added.made_by,
        }
        return own, lambda task: variants.train_adversarial(task, added.split)
    if _VARIANT.value == "pgd":
        attack = PGD(_EPSILON.value or net.epsilon, _PGD_STEPS.value or 7, _PGD_STEP_SIZE.value)
        own = {"pgd": {**dataclasses.asdict(attack), "warmup": variants.WARMUP}}
        return own, lambda task: variants.train_pgd(task, attack)
    return {}, variants.train_standard


def _check_flags() -> None:
    """Refuses values out of range, and flags that the variant does not use or lacks."""
    for flag in (_TEMPERATURE, _EPSILON, _PGD_STEPS, _PGD_STEP_SIZE, _LEARNING_RATE):
        if flag.value is not None and not 0 < flag.value < float("inf"):
            raise InputError(f"expected --{flag.name} to be a number above 0, received {flag.value:g}")
    if _OUTPUT.value is not None and not _OUTPUT.value.endswith(".keras"):
        raise InputError(f"expected --output to end in .keras, received {_OUTPUT.value}")
    if _OUTPUT.value is not None and Path(_OUTPUT.value).is_dir():
        raise InputError(f"expected --output to be a file, received {_OUTPUT.value}, which is a directory")
    for variant, names in _OWN_FLAGS.items():
        for name, needed in names.items():
            given = flags.FLAGS[name].value is not None
            if given and variant != _VARIANT.value:
                raise InputError(f"expected --{name} with --variant={variant} only, received it with {_VARIANT.value}")
            if needed and not given and variant == _VARIANT.value:
                raise InputError(f"expected --{name} with --variant={variant}, received none")
    tensorboard_directory(_TENSORBOARD_DIR.value)  # refuses what could not be written, before any work


if __name__ == "__main__":
    run(main)
