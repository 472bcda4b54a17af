"""The common part of the programs that attack: from flags to a run of the engine."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from typing import Any

from tf_strattack import Attack, InputError, StrAttack
from tf_strattack.problem.groups import GroupStructure
from tf_strattack.programs.notices import notice, stage
from tf_strattack.runtime.devices import default_batch_size

from . import flags
from .gate.conditions import judge, parse_conditions
from .inputs.applications import NONE
from .inputs.attacks import make_attack
from .inputs.datasets import Data
from .inputs.examples import Selection
from .inputs.from_flags import data_from_flags, model_from_flags, model_options
from .inputs.groups import FILE, Grouping, parse_groups
from .inputs.models import Model
from .inputs.targets import parse_targets
from .inputs.transforms import InputTransform, parse_transforms
from .runs import flags as engine_flags
from .runs.cluster import Cluster
from .runs.engine import Run, configuration_of, verify_run
from .runs.finish import Draw
from .runs.packed_model import PackedModel
from .runs.plan import Plan
from .runs.reading import store_in
from .runs.rows import FLOAT32
from .runs.setting import Setting
from .runs.tensorboard import Summaries
from .runs.work import Outcomes, Work, work_here
from .tables.measures import numbered


def check_flags() -> None:
    """Refuses flags that do not fit together, before anything is loaded.

    Raises:
      InputError: the flags do not fit.
    """
    engine_flags.check_engine_flags(
        overwrite=flags.OVERWRITE.value, tensorboard=flags.TENSORBOARD_DIR.value is not None
    )
    if engine_flags.VERIFY.value and flags.OUTPUT_DIR.value is None:
        raise InputError("expected --output_dir with --verify, as it says which run is meant, received none")
    flags.tensorboard_dir()
    flags.batch_size()
    if engine_flags.RAY.value is not None and not engine_flags.VERIFY.value:
        _cluster().check()


def check_names() -> None:
    """Refuses an attack, targets or groups that do not exist, before anything is loaded.

    Raises:
      InputError: one of them.
    """
    parse_targets(flags.TARGETS.value)
    parse_transforms(flags.TRANSFORM.value)
    make_attack(flags.ATTACK.value, flags.ATTACK_PARAMETERS.value, parse_groups(flags.GROUPS.value).for_attack)


def read_flags(dataset: str, split: str, *, on_lattice: bool = False) -> Setting:
    """Opens the model and the data set that the flags name; `on_lattice` rounds images to 8 bits.

    Raises:
      InputError: something does not exist, or does not fit.
    """
    check_names()
    stage(f"loading {flags.MODEL.value}")
    model = model_from_flags()
    stage(f"reading {dataset}")
    data = data_from_flags(model.classifier.image_shape, dataset, split)
    data = data.on_lattice() if on_lattice else data
    if (flags.NUM_IMAGES.value or 0) > data.number:
        notice(f"the data set has {numbered(data.number, 'image')}, fewer than --num_images={flags.NUM_IMAGES.value}")
    return setting_of(model, data, dataset, own_labels=flags.WEIGHTS.value == NONE)


def setting_of(model: Model, data: Data, dataset: str, *, own_labels: bool) -> Setting:
    """The setting of the flags with a model and a data set, which is recorded as `dataset`.

    Raises:
      InputError: the attack, its targets or its groups do not fit.
    """
    targets = dataclasses.replace(parse_targets(flags.TARGETS.value), fewer_do=not flags.TARGETS.present)
    grouping = parse_groups(flags.GROUPS.value)
    attack = make_attack(flags.ATTACK.value, flags.ATTACK_PARAMETERS.value, grouping.for_attack)
    change = InputTransform(parse_transforms(flags.TRANSFORM.value), flags.SEED.value)
    selection = Selection(
        data.records,
        model.classifier,
        flags.NUM_IMAGES.value,
        targets,
        own_labels=own_labels,
        input_transform=change,
    )
    check_groups(selection.image_shape, grouping, attack)
    facts: dict[str, Any] = {
        "attack": flags.ATTACK.value,
        "attack_parameters": attack.hyper_parameters,
        "model": model.name,
        "model_sha256": model.sha256,
        "weights": flags.WEIGHTS.value,
        "labels": "predicted by the untrained network" if own_labels else "of the data set",
        "bounds": model.classifier.bounds,
        "model_options": model_options(),
        "dataset": dataset,
        "split": data.split,
        "resize": flags.RESIZE.value,
        **grouping.facts,
        "targets": str(selection.targets),
        "seed": flags.SEED.value,
        **({"transform": flags.TRANSFORM.value} if flags.TRANSFORM.value else {}),
    }
    return Setting(attack, grouping, model, data, selection.targets, selection, own_labels, facts, change)


def check_groups(image_shape: Sequence[int | None], grouping: Grouping, *attacks: Attack) -> None:
    """Refuses groups of --groups and of attacks that do not fit images (H, W, C); sides may be None.

    Raises:
      InputError: groups do not fit.
    """
    height, width = image_shape[:2]
    grouping.check(image_shape)
    for groups in (getattr(attack, "groups", None) for attack in attacks):
        if isinstance(groups, Grouping):
            groups.check(image_shape)
        elif isinstance(groups, GroupStructure) and height and width:
            groups.of(height, width)


def attack_dataset(
    program: str, dataset: str, draw: Draw, *, split: str, shard_per_image: bool, fail_if: Iterable[str]
) -> int:
    """Attacks `dataset` as the flags say and writes the run to --output_dir; with --verify, verifies the run there.

    Returns the exit status: 3 if a condition of `fail_if` holds.

    Args:
      program: the name of the program, which is recorded.
      dataset: a name as in `read_dataset`.
      draw: draws examples.png.
      split: the split of a TFDS data set.
      shard_per_image: whether a shard holds the examples of one image, instead of one batch. An interruption loses at
        most one shard.
      fail_if: the values of --fail_if.
    """
    own_groups = flags.GROUPS.value.startswith(f"{FILE}:")
    conditions = parse_conditions(fail_if, own_labels=flags.WEIGHTS.value == NONE, own_groups=own_groups)
    check_flags()
    setting = read_flags(dataset, split)
    size = flags.batch_size()
    if shard_per_image:
        size = setting.targets.per_image(setting.model.classifier.num_classes or 1)
    if not isinstance(size, int):
        size = default_batch_size(setting.selection.image_shape)
    configuration = configuration_of(setting, num_images=flags.NUM_IMAGES.value, shard_size=size, image_dtype=FLOAT32)
    directory = flags.output_dir(program, configuration)
    if engine_flags.VERIFY.value:
        print(verify_run(program, directory, setting, configuration))
        return judge(conditions, store_in(directory), setting)
    run = Run.begin(program, directory, setting, configuration, overwrite=flags.OVERWRITE.value)
    every = range(run.store.plan.num_shards)
    run.make(every, lambda *shards: attack_shards(setting, *shards))
    run.finish(every, draw)
    return judge(conditions, run.store, setting)


def attack_shards(
    setting: Setting, plan: Plan, numbers: Iterable[int], examples: int, *, quantize: bool = False
) -> Outcomes:
    """Attacks the shards `numbers`, which have `examples` examples in all, here or on a cluster, as the flags say."""
    numbers = list(numbers)
    work = work_on(setting, plan, numbers, quantize=quantize)
    shards = plan.shards(setting.data, setting.model.classifier.bounds, numbers)
    if engine_flags.RAY.value is None:
        return work_here(work, setting.model.classifier, shards, examples, Summaries(flags.tensorboard_dir()))
    packed_model = PackedModel.pack(setting.model, flags.WEIGHTS.value, flags.SEED.value, model_options())
    return _cluster().work(work, packed_model, shards, examples)


def work_on(setting: Setting, plan: Plan, numbers: Sequence[int], *, quantize: bool = False) -> Work:
    """The work on each of the shards `numbers`, with starting points for an attack that takes them."""
    takes_points = isinstance(setting.attack, StrAttack) and numbers
    points = plan.starting_points(setting.data, setting.model.classifier.bounds) if takes_points else None
    return Work(setting.attack, quantize, setting.grouping, flags.batch_size(), points, setting.input_transform)


def _cluster() -> Cluster:
    return Cluster(str(engine_flags.RAY.value), engine_flags.WORKERS.value, engine_flags.CPUS_PER_WORKER.value or 1)
