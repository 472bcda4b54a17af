"""eval.acceptance: tries every promise, prints a line for each, and writes acceptance.json."""

from __future__ import annotations

import functools
import itertools
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from tf_strattack.acceptance import PROMISES, Report, Verdict
from tf_strattack.acceptance.checking import verdicts
from tf_strattack.acceptance.trial import Trial
from tf_strattack.programs.command_line import command
from tf_strattack.programs.directories.configuration import claim, require_claimable
from tf_strattack.programs.directories.unfinished import default_directory
from tf_strattack.programs.running import announce, require_new
from tf_strattack.programs.streams import printable
from tf_strattack.runtime.files import write_json

from .. import flags
from ..pipeline import check_names
from ..runs.code import code_version
from ..runs.records import completed
from ..tables.measures import numbered
from .networks import Tried, networks
from .owners import owner_of
from .processes import NAME, process
from .resuming import resume
from .trials import examples_of, trial_of

PROGRAM, ACCEPTANCE = "eval.acceptance", "acceptance.json"
BROKEN = 1


def accept() -> int:
    """Tries all promises on each network; returns the exit status, 1 if one is broken.

    Raises:
      InputError: flags that do not fit, or a file that would be overwritten.
    """
    flags.batch_size()
    check_names()
    configuration = {name: getattr(flags, name.upper()).value for name in _CONFIGURATION}
    configuration["code_version"] = code_version()
    directory = _directory(configuration)
    rows: list[dict[str, Any]] = []
    for tried in networks():
        if not rows:
            claim(directory, configuration, program=PROGRAM, flag="--output_dir", overwrite=flags.OVERWRITE.value)
            announce(directory)
        rows.append(_row(tried, len(rows)))
    facts = completed({"command": command()})
    kept = all(row["kept"] for row in rows)
    write_json(directory / ACCEPTANCE, {"kept": kept, **configuration, "networks": rows, **facts})
    print(_summary(rows))
    return 0 if kept else BROKEN


_CONFIGURATION = (
    *("model", "weights", "bounds", "data_format", "model_options", "dataset", "split", "resize", "num_images"),
    *("attack", "attack_parameters", "targets", "groups", "batch_size", "seed"),
)


def _directory(configuration: dict[str, Any]) -> Path:
    """The directory to write to; nothing in it is overwritten, unless --overwrite is given."""
    if flags.OUTPUT_DIR.value is None:
        return default_directory(PROGRAM, configuration, new=True)
    directory, overwrite = Path(flags.OUTPUT_DIR.value), flags.OVERWRITE.value
    require_claimable(directory, configuration, program=PROGRAM, flag="--output_dir", overwrite=overwrite)
    require_new(directory / ACCEPTANCE, overwrite=overwrite)
    return directory


def _row(tried: Tried, number: int) -> dict[str, Any]:
    """Tries the promises on a network, the one of this place among all, and prints a line for each."""
    setting = tried.setting
    name, attack = setting.model.name, flags.ATTACK.value
    found = []
    with tempfile.TemporaryDirectory() as directory:
        resumed = resume(setting, Path(directory))
    examples = examples_of(setting, resumed.plan)
    owner = owner_of(name, examples["images"], plain=tried.plain)
    trial = trial_of(setting, examples, owner.call)
    print(printable(f"{name}, {attack}, {numbered(len(trial.images), 'example')}; its own output: {owner.how}"))
    promises: dict[str, Callable[[Trial], Verdict]] = {**PROMISES, NAME: functools.partial(process, number, examples)}
    for verdict in itertools.chain([resumed.verdict], verdicts(trial, promises)):  # printed one by one
        print(printable(f"  {verdict}"), flush=True)
        found.append(verdict)
    report = Report(tuple(found))
    return {
        "model": name,
        "model_sha256": setting.model.sha256,
        "attack": attack,
        "attack_parameters": setting.attack.hyper_parameters,
        "targets": str(setting.targets),
        "num_examples": len(trial.images),
        "own_output": owner.how,
        "kept": report.kept,
        "promises": report.record(),
    }


def _summary(rows: Iterable[dict[str, Any]]) -> str:
    promises = [(row["model"], promise) for row in rows for promise in row["promises"]]
    broken = [f"{promise['promise']} ({model})" for model, promise in promises if promise["kept"] is False]
    other = sum(promise["kept"] is None for _, promise in promises)
    kept = len(promises) - len(broken) - other
    text = f"{kept} of {numbered(len(promises), 'promise')} kept, {other} not applicable, {len(broken)} broken"
    return printable(f"{text}: {', '.join(broken)}" if broken else text)
