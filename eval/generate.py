"""Writes adversarial examples of a whole split as a data set: `python -m eval.generate`; --help lists the flags.

The examples go, a shard at a time, into dataset/ of --output_dir, which `tfds.builder_from_directory` and
--adversarial_dataset of training.train read; manifest.json has configuration and checksums, metrics.json the figures.
The same command again makes what is missing or damaged.
"""

from __future__ import annotations

import functools
from pathlib import Path
from typing import Any

from absl import flags as absl_flags

from eval import flags
from eval.directories.configuration import claim, require_claimable, require_finished
from eval.directories.locks import one_at_a_time
from eval.generation.cluster import Cluster
from eval.generation.code import code_version
from eval.generation.finish import EXPORT, finish, png_origin
from eval.generation.missing import make_missing
from eval.generation.plan import Plan, keep_plan, load_plan, make_plan
from eval.generation.shipment import Shipment
from eval.generation.store import ALONE, MANIFEST, PROGRAM, Store
from eval.generation.verification import verify
from eval.generation.work import Outcomes, Work, work_here
from eval.inputs.attacks import describe_attacks
from eval.pipeline import Setting, read_flags
from eval.program import run
from eval.tensorboard import Summaries
from eval.tfds_directory import FLOAT32, UINT8
from tf_strattack import InputError
from tf_strattack.runtime.devices import default_batch_size

absl_flags.set_default(flags.NUM_IMAGES, None)
absl_flags.set_default(flags.TARGETS, "random")
absl_flags.set_default(flags.SPLIT, "train")
_SHARD_SIZE = absl_flags.DEFINE_integer(
    "shard_size", None, "Examples a shard, the most that an interruption loses; by image size if unset.", lower_bound=1
)
_QUANTIZE = absl_flags.DEFINE_enum(
    "quantize", None, [UINT8], "Store 8-bit images, repaired where rounding would make them harmless."
)
_PNG_DIR = absl_flags.DEFINE_string(
    "png_dir", None, "Besides, write the successful examples as PNG files with labels.csv; needs --quantize=uint8."
)
_VERIFY = absl_flags.DEFINE_bool(
    "verify", False, "Attack nothing: check the shards of a generation of this configuration, and classify them anew."
)
_RAY = absl_flags.DEFINE_string(
    "ray",
    None,
    "Attack on a Ray cluster: its address host:port, auto for one that Ray finds, or local to start Ray here.",
)
_WORKERS = absl_flags.DEFINE_integer(
    "workers", None, "With --ray: shards at a time; as many as GPUs, or else CPUs, if unset.", lower_bound=1
)
_CPUS_PER_WORKER = absl_flags.DEFINE_integer("cpus_per_worker", 1, "With --ray: threads of a worker.", lower_bound=1)
_SHARD_INDEX = absl_flags.DEFINE_integer(
    "shard_index", None, "In a job array: which part this job does, from 0 to --num_shards - 1.", lower_bound=0
)
_NUM_SHARDS = absl_flags.DEFINE_integer(
    "num_shards", None, "In a job array: into how many parts the work is divided.", lower_bound=1
)

_PLAN = "plan.npz"


def main() -> None:
    """Plans the shards, makes those that are missing, and joins them."""
    if flags.LIST_ATTACKS.value:
        print(describe_attacks())
        return
    _check_flags()
    directory = flags.output_dir()
    setting = read_flags(flags.DATASET.value, flags.SPLIT.value, on_lattice=_QUANTIZE.value is not None)
    configuration = {
        **setting.facts,
        "num_images": flags.NUM_IMAGES.value,
        "shard_size": _SHARD_SIZE.value or default_batch_size(setting.selection.image_shape),
        "image_dtype": _QUANTIZE.value or FLOAT32,
        "dataset_version": setting.data.version,
        "code_version": code_version(),
    }
    if _VERIFY.value:
        # What an earlier version of the code has made can be verified by a later one.
        require_finished(directory, configuration, program=PROGRAM, flag="--output_dir", ignoring=["code_version"])
        store = Store(directory, load_plan(directory / _PLAN), configuration["image_dtype"], ALONE)
        print(verify(store, setting.model.classifier, setting.attack.confidence))
        return
    _check_png_dir(directory, setting, configuration)
    part = None if _NUM_SHARDS.value is None else f"{_SHARD_INDEX.value}-of-{_NUM_SHARDS.value}"
    claim(directory, configuration, program=PROGRAM, flag="--output_dir", overwrite=flags.OVERWRITE.value, part=part)
    plan = _plan(directory, setting, configuration)
    setting.selection.warn_near_chance(len(plan.positions), plan.skipped)  # of a plan that was made earlier, too
    store = Store(directory, plan, configuration["image_dtype"], part or ALONE)
    store.open()
    every = range(store.plan.num_shards)
    own = every if part is None else _block(every, _SHARD_INDEX.value or 0, _NUM_SHARDS.value or 1)
    try:
        attack = functools.partial(_attack, setting, plan)
        make_missing(store, configuration, own, attack, listing=part is None)
    except KeyboardInterrupt:
        print(f"interrupted; the same command, with --output_dir={directory}, goes on with the shards that are missing")
        raise
    with one_at_a_time(directory / MANIFEST):  # jobs of an array may end at once
        left = [n for n in every if store.missing(n)] or [n for n in every if n not in own and store.damage(n)]
        if not left:
            finish(store, setting, configuration, png_dir=_PNG_DIR.value, overwrite=flags.OVERWRITE.value)
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
    work = Work(setting.attack, _QUANTIZE.value is not None, flags.GROUP_SIZE.value, flags.batch_size())
    shards = plan.shards(setting.data, setting.model.classifier.bounds, numbers)
    if _RAY.value is None:
        return work_here(work, setting.model.classifier, shards, total, Summaries(flags.tensorboard_dir()))
    shipment = Shipment.pack(setting.model, flags.WEIGHTS.value, flags.SEED.value, flags.model_options())
    return _cluster().work(work, shipment, shards, total)


def _cluster() -> Cluster:
    return Cluster(str(_RAY.value), _WORKERS.value, _CPUS_PER_WORKER.value)


def _check_png_dir(directory: Path, setting: Setting, configuration: dict[str, Any]) -> None:
    """Refuses what could not be exported, before hours of attacks and not after them."""
    if _PNG_DIR.value is None:
        return
    png_dir = Path(_PNG_DIR.value)
    if setting.selection.image_shape[-1] not in (1, 3):
        raise InputError(f"expected images of 1 or 3 channels with --png_dir, received {setting.selection.image_shape}")
    if png_dir.resolve() == directory.resolve():
        raise InputError(f"expected another --png_dir than --output_dir, received {png_dir} for both")
    require_claimable(
        png_dir, png_origin(configuration), program=EXPORT, flag="--png_dir", overwrite=flags.OVERWRITE.value
    )


def _check_flags() -> None:
    """Refuses flags that need others."""
    if (_SHARD_INDEX.value is None) != (_NUM_SHARDS.value is None):
        given, lacking = ("shard_index", "num_shards") if _NUM_SHARDS.value is None else ("num_shards", "shard_index")
        raise InputError(f"expected --{lacking} with --{given}, received none")
    if _NUM_SHARDS.value is not None and (_SHARD_INDEX.value or 0) >= _NUM_SHARDS.value:
        raise InputError(f"expected --shard_index from 0 to {_NUM_SHARDS.value - 1}, received {_SHARD_INDEX.value}")
    if _NUM_SHARDS.value is not None and flags.OUTPUT_DIR.value is None:
        raise InputError("expected --output_dir, the same for all jobs, with --num_shards, received none")
    if _PNG_DIR.value is not None and _QUANTIZE.value is None:
        raise InputError("expected --quantize=uint8 with --png_dir, as PNG files keep 8 bits, received none")
    if _RAY.value is None and (_WORKERS.value is not None or _CPUS_PER_WORKER.present):
        raise InputError("expected --ray with --workers or --cpus_per_worker, received none")
    for flag in (_PNG_DIR, _RAY, _NUM_SHARDS, flags.OVERWRITE, flags.TENSORBOARD_DIR):
        if _VERIFY.value and flag.value:
            raise InputError(f"expected --verify without --{flag.name}, received both")
    if _NUM_SHARDS.value is not None and flags.OVERWRITE.value:
        raise InputError("expected --overwrite without --num_shards, as jobs would remove each other's shards")
    if _RAY.value is not None and flags.TENSORBOARD_DIR.value is not None:
        raise InputError(
            "expected --tensorboard_dir without --ray, whose workers' iterations are not seen here, received both"
        )
    flags.tensorboard_dir()  # refuses what could not be written, before any work
    if _RAY.value is not None:
        _cluster().check()


if __name__ == "__main__":
    run(main)
