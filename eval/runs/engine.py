"""The engine: plans a run, makes missing or damaged shards, and the files that summarise them."""

from __future__ import annotations

import contextlib
import dataclasses
import math
import shutil
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import numpy as np
from tqdm import tqdm

from tf_strattack import InputError
from tf_strattack.programs.directories.configuration import claim, require_finished, require_no_folder
from tf_strattack.programs.directories.locks import one_at_a_time
from tf_strattack.programs.directories.marker import config_damage
from tf_strattack.programs.directories.sealed import digest_of
from tf_strattack.programs.running import announce
from tf_strattack.programs.streams import printable

from ..inputs.own_attacks import version_of
from .code import code_version
from .finish import Draw, Export, finish, take_apart
from .formats import TFDS, require_formats
from .manifest import MANIFEST, PLAN, damages, manifest_damage, write_manifest
from .plan import Plan, keep_plan, load_plan, make_plan, plan_damage
from .rows import names_in_order
from .setting import Setting
from .store import ALONE, Store
from .verification import Exported, report, verify
from .work import Outcomes

# The interval between writes of the manifest, in seconds and in multiples of the time of a write: long manifests are
# written less often. A manifest can be old, since each shard has an entry of its own.
_LISTING_SECONDS, _LISTING_SHARE = 15.0, 50
# Bytes per example in addition to its images: the other features of its record, and its entry.
_RECORD_BYTES = 2000

# A function of plan, shard numbers and their number of examples that makes these shards in any order.
Attacking = Callable[[Plan, list[int], int], Outcomes]


def configuration_of(setting: Setting, *, num_images: int | None, shard_size: int, image_dtype: str) -> dict[str, Any]:
    """The configuration that must agree for a run to be resumed; JSON values."""
    return {
        **setting.facts,
        "num_images": num_images,
        "shard_size": shard_size,
        "image_dtype": image_dtype,
        "dataset_version": setting.data.version,
        "code_version": code_version() + version_of(setting.attack),
    }


@dataclasses.dataclass(frozen=True)
class Run:
    """A run in its directory.

    Attributes:
      setting: what attacks what.
      store: its shards.
      release: gives the directory free before the end of the process.
    """

    setting: Setting
    store: Store
    release: Callable[[], None]

    @classmethod
    def begin(
        cls,
        program: str,
        directory: Path,
        setting: Setting,
        configuration: dict[str, Any],
        *,
        overwrite: bool,
        part: str | None = None,
        formats: tuple[str, ...] = (TFDS,),
        announced: bool = True,
    ) -> Run:
        """Claims `directory`, and plans the run or reads its plan.

        Args:
          program: the name of the program.
          directory, configuration, overwrite, part: as in `claim`.
          setting: what attacks what.
          formats: as in `Store`.
          announced: whether to print the directory, and to say at Ctrl-C how to resume.

        Raises:
          InputError: the directory belongs to another run, or has files that a missing package would have to write.
        """
        release = claim(directory, configuration, program=program, flag="--output_dir", overwrite=overwrite, part=part)
        if announced:
            announce(directory)
        digest = digest_of(configuration)
        plan = keep_plan(directory / PLAN, digest, lambda: _new_plan(setting, configuration))
        setting.selection.warn_near_chance(len(plan.positions), plan.skipped)  # also if the plan was made earlier
        names = names_in_order(setting.class_names(), plan.num_classes)
        store = Store(directory, plan, configuration, part or ALONE, formats, names).with_earlier_formats()
        require_formats(store.formats)
        store.open()
        return cls(setting, store, release)

    def make(self, wanted: Iterable[int], attack: Attacking, *, listing: bool = True) -> None:
        """Makes those of the shards `wanted` that are missing or damaged; those intact in one format are copied.

        Args:
          wanted: shard numbers, ascending.
          attack: makes shards.
          listing: whether to write the manifest in between; False if other processes write shards too.
        """
        store, missing, copied = self.store, list[int](), list[int]()
        if (reason := manifest_damage(store)) and any(store.entries()):
            report(MANIFEST, f"{reason}; made again")
        for number in wanted:
            require_no_folder("this program", *store.places(number))
            reasons = store.damages(number)
            for name, reason in reasons.items():
                report(name, f"{reason}; made again")
            if store.missing(number) or (reasons and not store.intact(number)):
                missing.append(number)
            elif reasons or store.lacking(number):
                copied.append(number)
        if not missing and not copied:
            return
        examples = sum(map(store.plan.length, missing))
        _require_room(store, examples + sum(map(store.plan.length, copied)))
        with one_at_a_time(store.directory / MANIFEST):
            take_apart(store)
        for number in tqdm(copied, unit="shard", desc="copied", disable=not copied):
            store.copy(number)
        if not missing:
            return
        listed, pause = time.monotonic(), _LISTING_SECONDS
        with contextlib.closing(attack(store.plan, missing, examples)) as outcomes:
            for number, outcome in outcomes:
                store.write(number, outcome)
                if listing and time.monotonic() - listed > pause:
                    begun = time.monotonic()
                    write_manifest(store)
                    listed = time.monotonic()
                    pause = max(_LISTING_SECONDS, _LISTING_SHARE * (listed - begun))

    def finish(self, mine: Iterable[int], draw: Draw | None = None, export: Export | None = None) -> None:
        """Makes the files that summarise the shards and prints the figures, unless others have shards to make.

        Args:
          mine: the shards of this process.
          draw, export: as in `finish`.
        """
        store, every, ours = self.store, range(self.store.plan.num_shards), set(mine)
        with one_at_a_time(store.directory / MANIFEST):  # jobs of an array may end at the same time
            left = [n for n in every if store.lacking(n)] or [n for n in every if n not in ours and store.damages(n)]
            if left:
                write_manifest(store)
                there = f"{len(every) - len(left)} of {len(every)} shards are in {store.directory}"
                print(printable(f"{there}; the last job completes the data set"))
            else:
                finish(store, self.setting, draw, export)


def verify_run(
    program: str,
    directory: Path,
    setting: Setting,
    configuration: dict[str, Any],
    formats: tuple[str, ...] = (TFDS,),
    exported: Exported = lambda store, facts: (),
) -> str:
    """Checks the run in `directory`, and files exported from it; returns a line about the result.

    A later version of the code can verify runs of an earlier one.

    Raises:
      InputError: no run of `configuration`, or a damaged run; the damages are printed.
    """
    found = require_finished(directory, configuration, program=program, flag="--output_dir", ignoring=["code_version"])
    plan = _plan_in(directory, setting, found.configuration)
    store = Store(directory, plan, found.configuration, formats=formats).with_earlier_formats()
    require_formats(store.formats)
    wrong = list(damages(store))
    if reason := config_damage(directory, found):
        wrong.insert(0, ("config.json", reason))
    return verify(store, setting.fooled, wrong, exported)


def _new_plan(setting: Setting, configuration: dict[str, Any]) -> Plan:
    return make_plan(
        setting.selection,
        setting.model.classifier.num_classes or 0,
        setting.targets,
        shard_size=configuration["shard_size"],
        seed=configuration["seed"],
        configuration=digest_of(configuration),
    )


def _plan_in(directory: Path, setting: Setting, configuration: dict[str, Any]) -> Plan:
    """The plan in `directory`, or a new equal one if it is damaged."""
    if plan_damage(directory / PLAN, digest_of(configuration)):
        return _new_plan(setting, configuration)
    return load_plan(directory / PLAN)


def _require_room(store: Store, examples: int) -> None:
    """Refuses a run that does not fit on the disk."""
    pixel = np.dtype(store.configuration["image_dtype"]).itemsize
    needed = len(store.formats) * examples * (2 * pixel * math.prod(store.plan.image_shape) + _RECORD_BYTES)
    free = shutil.disk_usage(store.directory).free
    if needed > free:
        raise InputError(
            f"expected {needed / 1e6:.0f} MB of free disk space in {store.directory}, received {free / 1e6:.0f} MB: "
            "free some space, choose another --output_dir, or fewer --num_images or --targets"
        )
