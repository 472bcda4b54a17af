"""eval.defenses: networks trained with defences and attacked, compared with the paper's figures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

from tf_strattack import InputError
from tf_strattack.programs.streams import printable

from ... import flags
from ...inputs.attacks import ATTACKS, make_attack
from ...inputs.groups import parse_groups
from ...inputs.targets import parse_targets
from ...pipeline import check_flags, check_groups
from ...report.page import REPORT
from ...runs import flags as engine_flags
from ..study import Study, verify_study
from .names import MEMBERS, NOISE_STD
from .report import write_study_report
from .rows import NETS, Networks, check_names
from .tables import FILES, read_row, write_tables

_PROGRAM = "eval.defenses"


class Training(NamedTuple):
    """The settings of training, named like their flags."""

    train_images: int
    epochs: int | None
    precision: str
    noise_std: float = NOISE_STD
    members: int = MEMBERS

    @property
    def recorded(self) -> dict[str, Any]:
        """The settings for the configuration: of those that came later and concern single rows only other values."""
        later = {"noise_std": NOISE_STD, "members": MEMBERS}
        return {name: value for name, value in self._asdict().items() if name not in later or value != later[name]}


def _pgd(epsilon: float | None) -> tuple[str, ...]:
    """Arguments of eval.attack for untargeted PGD within `epsilon`, on the same images as the attack."""
    if epsilon is None:
        return ()
    shared = flags.arguments([flags.BATCH_SIZE, flags.SEED, *engine_flags.CLUSTER, flags.NUM_IMAGES])
    how = ("--attack=pgd_linf", f"--attack_parameters=epsilon={epsilon!r}", "--targets=untargeted")
    return (*how, *shared)


def study_defenses(
    defenses: Sequence[str], given: Sequence[str], training: Training, *, pgd_epsilon: float | None = None
) -> None:
    """Trains and attacks the networks with `defenses`, and networks distilled at the temperatures `given`.

    With `pgd_epsilon`, an l_inf radius in [0, 1] scale, PGD attacks all of them too.

    Raises:
      InputError: a flag that does not fit.
    """
    check_flags()
    if flags.DATASET.value not in NETS:
        raise InputError(f"expected --dataset to be one of {', '.join(NETS)}, received {flags.DATASET.value!r}")
    if flags.ATTACK.value not in ATTACKS:  # folders have its name
        raise InputError(f"expected --attack to be one of {', '.join(ATTACKS)}, received {flags.ATTACK.value!r}")
    grouping = parse_groups(flags.GROUPS.value)
    attack = make_attack(flags.ATTACK.value, flags.ATTACK_PARAMETERS.value, grouping.for_attack)
    net = NETS[flags.DATASET.value]
    parse_targets(flags.TARGETS.value).check(net.num_classes)
    check_groups(net.image_shape, grouping, attack)
    if pgd_epsilon is not None and not pgd_epsilon > 0.0:
        raise InputError(f"expected --pgd_epsilon to be a number above 0, received {pgd_epsilon}")
    if not 0.0 < training.noise_std <= 1.0:
        raise InputError(f"expected --noise_std above 0 and at most 1, received {training.noise_std:g}")
    names = check_names(defenses)
    temperatures = flags.positive_numbers("temperatures", given, float)
    if not names and not temperatures:
        raise InputError("expected --defenses or --temperatures, received neither")
    configuration = {
        "dataset": flags.DATASET.value,
        "attack": flags.ATTACK.value,
        "attack_parameters": attack.hyper_parameters,
        **grouping.facts,
        "targets": flags.TARGETS.value,
        "num_images": flags.NUM_IMAGES.value,
        "batch_size": flags.batch_size(),
        **training.recorded,
        "seed": flags.SEED.value,
        **({} if pgd_epsilon is None else {"pgd_epsilon": pgd_epsilon}),
    }
    directory = flags.output_dir(_PROGRAM, configuration)
    networks = _networks(directory, training, _pgd(pgd_epsilon))
    rows = [*map(networks.row, names), *map(networks.distilled, temperatures)]
    if engine_flags.VERIFY.value:
        print(verify_study(_PROGRAM, directory, configuration, rows))
        return
    study = Study(_PROGRAM, directory, configuration, overwrite=flags.OVERWRITE.value)
    text = ""
    for _ in study.make(rows, read_row):
        text = write_tables(study)
    write_study_report(study, rows, grouping)
    study.seal([*FILES, REPORT])
    print(printable(f"\n{text}\nwritten to {directory}"))


def _networks(directory: Path, training: Training, pgd: tuple[str, ...]) -> Networks:
    data = [flags.DATASET, flags.DATA_DIR, flags.DOWNLOAD]
    crafting = [flags.TARGETS, flags.BATCH_SIZE, flags.SEED, *engine_flags.CLUSTER]
    return Networks(
        directory,
        data=flags.arguments(data),
        training=(*_training_arguments(training), *flags.arguments([flags.SEED])),
        attack=flags.ATTACK.value,
        parameters=flags.arguments([flags.ATTACK_PARAMETERS, flags.GROUPS]),
        attacking=flags.arguments([*crafting, flags.NUM_IMAGES]),
        crafting=(*flags.arguments(crafting), f"--num_images={training.train_images}"),
        pgd=pgd,
        noise_std=training.noise_std,
        members=training.members,
    )


def _training_arguments(training: Training) -> list[str]:
    epochs = [] if training.epochs is None else [f"--epochs={training.epochs}"]
    return [*epochs, f"--precision={training.precision}"]
