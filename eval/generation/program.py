"""eval.generate: a data set of adversarial examples, shard by shard."""

from __future__ import annotations

import functools
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from tf_strattack import InputError
from tf_strattack.programs.directories.configuration import claim, require_claimable, require_finished
from tf_strattack.programs.directories.locks import one_at_a_time
from tf_strattack.programs.running import announce
from tf_strattack.runtime.devices import default_batch_size

from .. import flags
from ..pipeline import Setting, read_flags
from ..runs.cluster import Cluster
from ..runs.code import code_version
from ..runs.missing import make_missing
from ..runs.plan import Plan, keep_plan, load_plan, make_plan
from ..runs.shipment import Shipment
from ..runs.store import ALONE, MANIFEST, PROGRAM, Store
from ..runs.tensorboard import Summaries
from ..runs.tfds_directory import FLOAT32
from ..runs.verification import verify
from ..runs.work import Outcomes, Work, work_here
from . import flags as own
from .finish import EXPORT, finish, png_origin
from .png import damaged

_PLAN = "plan.npz"


def generate() -> None:
    """Plans the shards, makes those that are missing, and joins them.

    Raises:
      InputError: flags that do not fit, or a directory that is not this generation's.
    """
    _check_flags()
    setting = read_flags(flags.DATASET.value, flags.SPLIT.value, on_lattice=own.QUANTIZE.value is not None)
    configuration = {
        **setting.facts,
        "num_images": flags.NUM_IMAGES.value,
        "shard_size": own.SHARD_SIZE.value or default_batch_size(setting.selection.image_shape),
        "image_dtype": own.QUANTIZE.value or FLOAT32,
        "dataset_version": setting.data.version,
        "code_version": code_version(),
    }
    directory = flags.output_dir(PROGRAM, configuration)
    if own.VERIFY.value:
        # What an earlier version of the code has made can be verified by a later one.
        require_finished(directory, configuration, program=PROGRAM, flag="--output_dir", ignoring=["code_version"])
        store = Store(directory, load_plan(directory / _PLAN), configuration["image_dtype"], ALONE)
        exported: Iterable[tuple[str, str]] = ()
        if own.PNG_DIR.value is not None:
            exported = damaged(store, Path(own.PNG_DIR.value), setting.class_names(), configuration)
        print(verify(store, setting.model.classifier, setting.attack.confidence, exported))
        return
    _check_png_dir(directory, setting, configuration)
    part = None if own.NUM_SHARDS.value is None else f"{own.SHARD_INDEX.value}-of-{own.NUM_SHARDS.value}"
    claim(directory, configuration, program=PROGRAM, flag="--output_dir", overwrite=flags.OVERWRITE.value, part=part)
    announce(directory)
    plan = _plan(directory, setting, configuration)
    setting.selection.warn_near_chance(len(plan.positions), plan.skipped)  # of a plan that was made earlier, too
    store = Store(directory, plan, configuration["image_dtype"], part or ALONE)
    store.open()
    every = range(store.plan.num_shards)
    mine = every if part is None else _block(every, own.SHARD_INDEX.value or 0, own.NUM_SHARDS.value or 1)
    attack = functools.partial(_attack, setting, plan)
    make_missing(store, configuration, mine, attack, listing=part is None)
    with one_at_a_time(directory / MANIFEST):  # jobs of an array may end at once
        left = [n for n in every if store.missing(n)] or [n for n in every if n not in mine and store.damage(n)]
        if not left:
            finish(store, setting, configuration, png_dir=own.PNG_DIR.value, overwrite=flags.OVERWRITE.value)
        else:
            store.write_manifest(configuration, complete=False)
            print(f"{len(every) - len(left)} of {len(every)} shards are in {directory}; the last job joins them")


def _plan(directory: Path, setting: Setting, configuration: dict[str, Any]) -> Plan:
    def make() -> Plan:
        return make_plan(
            setting.selection,
            setting.model.classifier.num_classes or 0,
            setting.targets,
            shard_size=configuration["shard_size"],
            seed=flags.SEED.value,
        )

    return keep_plan(directory / _PLAN, make)


def _block(every: range, index: int, parts: int) -> range:
    """The shards of a job: they follow each other, so that it reads a stretch of the data set."""
    return every[len(every) * index // parts : len(every) * (index + 1) // parts]


def _attack(setting: Setting, plan: Plan, numbers: list[int], total: int) -> Outcomes:
    """Attacks the shards `numbers`, of `total` examples, here or on a cluster."""
    work = Work(setting.attack, own.QUANTIZE.value is not None, flags.GROUP_SIZE.value, flags.batch_size())
    shards = plan.shards(setting.data, setting.model.classifier.bounds, numbers)
    if own.RAY.value is None:
        return work_here(work, setting.model.classifier, shards, total, Summaries(flags.tensorboard_dir()))
    shipment = Shipment.pack(setting.model, flags.WEIGHTS.value, flags.SEED.value, flags.model_options())
    return _cluster().work(work, shipment, shards, total)


def _cluster() -> Cluster:
    return Cluster(str(own.RAY.value), own.WORKERS.value, own.CPUS_PER_WORKER.value)


def _check_png_dir(directory: Path, setting: Setting, configuration: dict[str, Any]) -> None:
    """Refuses what could not be exported, before hours of attacks and not after them."""
    if own.PNG_DIR.value is None:
        return
    png_dir = Path(own.PNG_DIR.value)
    if setting.selection.image_shape[-1] not in (1, 3):
        raise InputError(f"expected images of 1 or 3 channels with --png_dir, received {setting.selection.image_shape}")
    if png_dir.resolve() == directory.resolve():
        raise InputError(f"expected another --png_dir than --output_dir, received {png_dir} for both")
    require_claimable(
        png_dir, png_origin(configuration), program=EXPORT, flag="--png_dir", overwrite=flags.OVERWRITE.value
    )


def _check_flags() -> None:
    """Refuses flags that need others."""
    if (own.SHARD_INDEX.value is None) != (own.NUM_SHARDS.value is None):
        given, lacking = (
            ("shard_index", "num_shards") if own.NUM_SHARDS.value is None else ("num_shards", "shard_index")
        )
        raise InputError(f"expected --{lacking} with --{given}, received none")
    if own.NUM_SHARDS.value is not None and (own.SHARD_INDEX.value or 0) >= own.NUM_SHARDS.value:
        raise InputError(
            f"expected --shard_index from 0 to {own.NUM_SHARDS.value - 1}, received {own.SHARD_INDEX.value}"
        )
    if own.NUM_SHARDS.value is not None and flags.OUTPUT_DIR.value is None:
        raise InputError("expected --output_dir, the same for all jobs, with --num_shards, received none")
    if own.PNG_DIR.value is not None and own.QUANTIZE.value is None:
        raise InputError("expected --quantize=uint8 with --png_dir, as PNG files keep 8 bits, received none")
    if own.RAY.value is None and (own.WORKERS.value is not None or own.CPUS_PER_WORKER.present):
        raise InputError("expected --ray with --workers or --cpus_per_worker, received none")
    if own.VERIFY.value and flags.OVERWRITE.value:
        raise InputError("expected --verify without --overwrite, received both")
    if own.NUM_SHARDS.value is not None and flags.OVERWRITE.value:
        raise InputError("expected --overwrite without --num_shards, as jobs would remove each other's shards")
    if own.RAY.value is not None and flags.TENSORBOARD_DIR.value is not None:
        raise InputError(
            "expected --tensorboard_dir without --ray, whose workers' iterations are not seen here, received both"
        )
    flags.tensorboard_dir()  # refuses what could not be written, before any work
    if own.RAY.value is not None and not own.VERIFY.value:
        _cluster().check()
