"""eval.defenses: networks trained with defences, attacked, and set beside the paper's figures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tf_strattack import InputError, SlidingMask
from tf_strattack.programs.command_line import command
from tf_strattack.programs.directories.configuration import claim
from tf_strattack.programs.running import announce
from tf_strattack.versions import versions

from ... import flags
from ...inputs.attacks import make_attack
from ...inputs.targets import parse_targets
from ..steps import run_steps
from .report import write_study_report
from .rows import NETS, Study, check_names
from .tables import read_row, write_tables


class Training(NamedTuple):
    """How networks are trained: as the flags of these names say."""

    train_images: int
    epochs: int | None
    precision: str


def study(defenses: Sequence[str], given: Sequence[str], training: Training) -> None:
    """Trains and attacks the networks with `defenses`, and those distilled at the temperatures `given`.

    Raises:
      InputError: a flag that does not fit.
    """
    if flags.DATASET.value not in NETS:
        raise InputError(f"expected --dataset to be one of {', '.join(NETS)}, received {flags.DATASET.value!r}")
    _check_fit()
    attack = make_attack(flags.ATTACK.value, flags.ATTACK_PARAMETERS.value, group_size=flags.GROUP_SIZE.value)
    names = check_names(defenses)
    temperatures = flags.positive_numbers("temperatures", given, float)
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
        **training._asdict(),
        "seed": flags.SEED.value,
    }
    directory = flags.output_dir("eval.defenses", configuration)
    claim(directory, configuration, program="eval.defenses", flag="--output_dir", overwrite=flags.OVERWRITE.value)
    announce(directory)
    places = _study(directory, training)
    figures = {**configuration, "command": command(), "versions": versions()}
    finished: list[dict[str, Any]] = []
    text = ""
    rows = [*map(places.row, names), *map(places.distilled, temperatures)]
    for row in rows:
        run_steps(row.name, row.steps)
        finished.append(read_row(row))
        text = write_tables(directory, figures, finished)
    write_study_report(directory, figures, finished, {row.name: row.run for row in rows})
    print(f"\n{text}\nwritten to {directory}")


def _check_fit() -> None:
    """Refuses targets and groups that do not fit the network before any is trained."""
    net = NETS[flags.DATASET.value]
    parse_targets(flags.TARGETS.value).check(net.num_classes)
    SlidingMask(flags.GROUP_SIZE.value).of(*net.image_shape[:2])


def _study(directory: Path, training: Training) -> Study:
    data = [flags.DATASET, flags.DATA_DIR, flags.DOWNLOAD]
    crafting = [flags.TARGETS, flags.BATCH_SIZE, flags.SEED]
    return Study(
        directory,
        data=flags.arguments(data),
        training=(*_training_arguments(training), *flags.arguments([flags.SEED])),
        attack=flags.ATTACK.value,
        parameters=flags.arguments([flags.ATTACK_PARAMETERS, flags.GROUP_SIZE]),
        attacking=flags.arguments([*crafting, flags.NUM_IMAGES]),
        crafting=(*flags.arguments(crafting), f"--num_images={training.train_images}"),
    )


def _training_arguments(training: Training) -> list[str]:
    epochs = [] if training.epochs is None else [f"--epochs={training.epochs}"]
    return [*epochs, f"--precision={training.precision}"]
