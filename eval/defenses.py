"""Trains networks with defences and attacks them: `python -m eval.defenses --data_dir=DIR`; --help lists the flags.

Two tables, each beside the paper's figures (appendix H): adversarial training with the examples of an attack, and
defensive distillation by temperature. Writes networks, runs, defenses.md, .csv, .json and report.html into
--output_dir. A row that is finished is not done again, and rows can be added later.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from absl import flags as absl_flags

from eval import flags
from eval.defense_study.report import write_study_report
from eval.defense_study.rows import Study, check_names
from eval.defense_study.tables import read_row, write_tables
from eval.directories.configuration import claim
from eval.examples import check_targets, parse_targets
from eval.inputs.attacks import describe_attacks, make_attack
from eval.program import command, run
from eval.steps import run_steps
from tf_strattack import InputError, SlidingMask
from tf_strattack.versions import versions
from training.nets import NETS, PRECISIONS

absl_flags.set_default(flags.DATASET, "mnist")
absl_flags.set_default(flags.NUM_IMAGES, 100)
_DEFENSES = absl_flags.DEFINE_list(
    "defenses",
    ["none", "strattack"],
    "Networks of the first table: none, an attack whose examples are added to the training set, or pgd.",
)
_TEMPERATURES = absl_flags.DEFINE_list("temperatures", ["1", "10", "40", "100"], "Of the second table.")
_TRAIN_IMAGES = absl_flags.DEFINE_integer(
    "train_images", 1000, "Training images whose examples are trained on.", lower_bound=1
)
_EPOCHS = absl_flags.DEFINE_integer("epochs", None, "Of each training; that of training.train if unset.", lower_bound=1)
_PRECISION = absl_flags.DEFINE_enum("precision", "float32", PRECISIONS, "Of training, as in training.train.")
# Shared flags that mean nothing here: networks are trained, and tested on the test split.
_UNUSED = ("model", "weights", "bounds", "data_format", "model_options", "split", "resize", "tensorboard_dir")


def main() -> None:
    """Wires flags, rows and tables together."""
    if flags.LIST_ATTACKS.value:
        print(describe_attacks())
        return
    flags.refuse_unused("eval.defenses", _UNUSED)
    if flags.DATASET.value not in NETS:
        raise InputError(f"expected --dataset to be one of {', '.join(NETS)}, received {flags.DATASET.value!r}")
    _check_fit()
    attack = make_attack(flags.ATTACK.value, flags.ATTACK_PARAMETERS.value, group_size=flags.GROUP_SIZE.value)
    names = check_names(_DEFENSES.value)
    temperatures = flags.positive_numbers(_TEMPERATURES.name, _TEMPERATURES.value, float)
    if not names and not temperatures:
        raise InputError("expected --defenses or --temperatures, received neither")
    configuration = {
        "dataset": flags.DATASET.value,
        "attack": flags.ATTACK.value,
        "attack_parameters": attack.hyper_parameters,
        "group_size": flags.GROUP_SIZE.value,
        "targets": flags.TARGETS.value,
        "num_images": flags.NUM_IMAGES.value,
        "batch_size": flags.batch_size(),
        "train_images": _TRAIN_IMAGES.value,
        "epochs": _EPOCHS.value,
        "precision": _PRECISION.value,
        "seed": flags.SEED.value,
    }
    directory = flags.output_dir()
    claim(directory, configuration, program="eval.defenses", flag="--output_dir", overwrite=flags.OVERWRITE.value)
    study = _study(directory)
    figures = {**configuration, "command": command(), "versions": versions()}
    finished: list[dict[str, Any]] = []
    text = ""
    rows = [*map(study.row, names), *map(study.distilled, temperatures)]
    for row in rows:
        run_steps(row.name, row.steps)
        finished.append(read_row(row))
        text = write_tables(directory, figures, finished)
    write_study_report(directory, figures, finished, {row.name: row.run for row in rows})
    print(f"\n{text}\nwritten to {directory}")


def _check_fit() -> None:
    """Refuses targets and groups that do not fit the network before any is trained."""
    network = NETS[flags.DATASET.value].build("float32")
    targets, others = parse_targets(flags.TARGETS.value), network.output_shape[1] - 1
    check_targets(targets, others)
    height, width = network.input_shape[1:3]
    SlidingMask(flags.GROUP_SIZE.value).of(height, width)


def _study(directory: Path) -> Study:
    data = [flags.DATASET, flags.DATA_DIR, flags.DOWNLOAD]
    crafting = [flags.TARGETS, flags.BATCH_SIZE, flags.SEED]
    return Study(
        directory,
        data=flags.arguments(data),
        training=flags.arguments([_EPOCHS, _PRECISION, flags.SEED]),
        attack=flags.ATTACK.value,
        parameters=flags.arguments([flags.ATTACK_PARAMETERS, flags.GROUP_SIZE]),
        attacking=flags.arguments([*crafting, flags.NUM_IMAGES]),
        crafting=(*flags.arguments(crafting), f"--num_images={_TRAIN_IMAGES.value}"),
    )


if __name__ == "__main__":
    run(main)
