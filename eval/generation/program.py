"""eval.generate: a data set of adversarial examples, by the engine, with 8-bit images, PNG files and job arrays."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tf_strattack import InputError
from tf_strattack.programs.directories.configuration import claim, require_claimable
from tf_strattack.programs.directories.locks import one_at_a_time
from tf_strattack.runtime.devices import default_batch_size

from .. import flags
from ..pipeline import attack_shards, check_flags, read_flags
from ..runs import flags as engine_flags
from ..runs.dataset_card import LICENSE
from ..runs.engine import Run, configuration_of, verify_run
from ..runs.formats import FORMATS, require_formats
from ..runs.manifest import MANIFEST
from ..runs.rows import FLOAT32
from ..runs.setting import Setting
from ..runs.store import Store
from ..runs.verification import Damages
from . import flags as own
from .png import damaged, export

PROGRAM = "eval.generate"
# The program that a folder of PNG files belongs to.
_EXPORT = "eval.generate --png_dir"


def generate() -> None:
    """Makes the missing shards and completes the data set, or verifies the data set with --verify.

    Raises:
      InputError: flags that do not fit, or a directory that belongs to another run.
    """
    _check_flags()
    quantize = own.QUANTIZE.value is not None
    setting = read_flags(flags.DATASET.value, flags.SPLIT.value, on_lattice=quantize)
    configuration = configuration_of(
        setting,
        num_images=flags.NUM_IMAGES.value,
        shard_size=own.SHARD_SIZE.value or default_batch_size(setting.selection.image_shape),
        image_dtype=own.QUANTIZE.value or FLOAT32,
    )
    directory, formats = flags.output_dir(PROGRAM, configuration), _formats()
    png_dir = None if own.PNG_DIR.value is None else Path(own.PNG_DIR.value)
    if engine_flags.VERIFY.value:

        def exported(store: Store, facts: Mapping[str, Any]) -> Damages:
            return () if png_dir is None else damaged(store, png_dir, setting.class_names(), facts)

        print(verify_run(PROGRAM, directory, setting, configuration, formats, exported))
        return
    if png_dir is not None:
        _check_png_dir(png_dir, directory, setting, configuration)
    part = None if own.NUM_SHARDS.value is None else f"{own.SHARD_INDEX.value}-of-{own.NUM_SHARDS.value}"
    run = Run.begin(
        PROGRAM, directory, setting, configuration, overwrite=flags.OVERWRITE.value, part=part, formats=formats
    )
    if png_dir is not None:  # refuses an unusable directory before hours of attacks
        with one_at_a_time(directory / MANIFEST):  # another job of an array may be exporting
            _claim(run, png_dir)()
    mine = range(run.store.plan.num_shards)
    if part is not None:
        mine = _block(mine, own.SHARD_INDEX.value or 0, own.NUM_SHARDS.value or 1)
    run.make(mine, lambda *shards: attack_shards(setting, *shards, quantize=quantize), listing=part is None)
    run.finish(mine, export=lambda facts: _export(run, png_dir, facts))


def _block(every: range, index: int, parts: int) -> range:
    """The shards of a job: consecutive ones, so that the job reads one stretch of the data set."""
    return every[len(every) * index // parts : len(every) * (index + 1) // parts]


def _formats() -> tuple[str, ...]:
    """The formats of --format, in the order of `FORMATS`."""
    return tuple(name for name in FORMATS if name in own.FORMAT.value)


def _export(run: Run, directory: Path | None, facts: Mapping[str, Any]) -> dict[str, Any]:
    """Writes PNG files if there is a directory for them; returns further facts: the license, and what was written."""
    ours = {} if own.DATASET_LICENSE.value is None else {LICENSE: own.DATASET_LICENSE.value}
    if directory is None:
        return ours
    setting, release = run.setting, _claim(run, directory)
    network, confidence = setting.model.classifier, setting.attack.confidence
    try:
        written = export(run.store, directory, network, confidence, setting.class_names(), {**facts, **ours})
        return {**ours, "png": written}
    finally:
        release()  # other jobs of an array may export next


def _claim(run: Run, directory: Path) -> Callable[[], None]:
    origin = _origin(run.store.configuration)
    return claim(directory, origin, program=_EXPORT, flag="--png_dir", overwrite=flags.OVERWRITE.value)


def _origin(configuration: dict[str, Any]) -> dict[str, Any]:
    """The configuration of a folder of PNG files."""
    return {"png_files_of": configuration}


def _check_png_dir(png_dir: Path, directory: Path, setting: Setting, configuration: dict[str, Any]) -> None:
    """Refuses images or a directory for which the export would fail after hours of attacks."""
    if setting.selection.image_shape[-1] not in (1, 3):
        raise InputError(f"expected images of 1 or 3 channels with --png_dir, received {setting.selection.image_shape}")
    ours, theirs = (Path(os.path.realpath(path)) for path in (directory, png_dir))  # `resolve` fails on link cycles
    if ours == theirs or ours in theirs.parents or theirs in ours.parents:
        raise InputError(f"expected --png_dir outside --output_dir {directory}, received {png_dir}")
    require_claimable(
        png_dir, _origin(configuration), program=_EXPORT, flag="--png_dir", overwrite=flags.OVERWRITE.value
    )


def _check_flags() -> None:
    """Refuses flags that do not fit together."""
    if not own.FORMAT.value or not set(own.FORMAT.value) <= set(FORMATS):
        raise InputError(f"expected --format of {' and '.join(FORMATS)}, received {','.join(own.FORMAT.value)!r}")
    require_formats(own.FORMAT.value)
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
        raise InputError("expected --quantize=uint8 with --png_dir, as PNG files have 8 bits, received none")
    if own.NUM_SHARDS.value is not None and flags.OVERWRITE.value:
        raise InputError("expected --overwrite without --num_shards, as jobs would remove each other's shards")
    check_flags()
