"""eval.benchmark: its sections, one after another."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tensorflow as tf

from tf_strattack import InputError
from tf_strattack.programs.command_line import command
from tf_strattack.programs.directories.configuration import claim, require_claimable
from tf_strattack.programs.notices import notice
from tf_strattack.programs.running import announce
from tf_strattack.runtime.files import write_json

from .. import flags
from ..runs.code import code_version
from ..runs.records import completed
from . import flags as own
from .figure import draw_benchmark
from .report import write_benchmark_report
from .request import PROGRAM, Request, Rows
from .sections import SECTIONS
from .structured.kept import Kept
from .tables import section_table

_RESULTS = "benchmark.json"
# What must agree for the sections of a run that was stopped to stay.
_SAME = ("code", "configuration", "machine", "nets", "seed")


def benchmark() -> None:
    """Measures the sections that the flags name, and writes the results.

    Raises:
      InputError: flags that do not fit.
    """
    request = Request.read()
    configuration, overwrite = request.configuration(), flags.OVERWRITE.value
    seeded = {**configuration, "seed": flags.SEED.value}
    directory = flags.output_dir(PROGRAM, seeded)
    _check_envelope_apart(directory)
    require_claimable(directory, seeded, program=PROGRAM, flag="--output_dir", overwrite=overwrite)
    nets = request.load_nets()
    facts = {
        "command": command(),
        "seed": flags.SEED.value,
        "code": code_version(),
        "machine": {
            "cpu_count": os.cpu_count(),
            "devices": [f"{device.device_type}:{device.name}" for device in tf.config.list_physical_devices()],
        },
        "nets": [net.facts() for net in nets],
        "configuration": configuration,
    }
    claim(directory, seeded, program=PROGRAM, flag="--output_dir", overwrite=overwrite)
    announce(directory)
    kept = Kept(directory)
    measures = request.measures(nets, kept)
    earlier = _measured_before(directory / _RESULTS, facts)
    if overwrite and earlier.keys() == set(request.sections):  # a run that was not stopped
        earlier = {}
    measured: dict[str, Rows] = {}
    for name in request.sections:
        measured[name] = earlier[name] if name in earlier else measures[name]()
        print(f"\n{name}\n{section_table(name, measured[name], SECTIONS[name]).text()}", flush=True)
        # After every section, so that an interruption loses only the current one.
        if name not in earlier or name == request.sections[-1]:
            written = completed({**facts, "sections": {**earlier, **measured}})
            write_json(directory / _RESULTS, written)
            write_benchmark_report(directory, written, SECTIONS, draw_benchmark(directory / "benchmark.png", measured))
    kept.forget()
    print(f"\nwritten to {directory}")


def _check_envelope_apart(directory: Path) -> None:
    """Refuses an envelope among the files of the run, which --overwrite replaces."""
    if own.ENVELOPE.value is not None and directory.resolve() in Path(own.ENVELOPE.value).resolve().parents:
        raise InputError(f"expected --envelope outside --output_dir, received {own.ENVELOPE.value}: runs share it")


def _measured_before(path: Path, facts: Mapping[str, Any]) -> dict[str, Rows]:
    """The sections that a run of the same facts has measured before it was stopped; none if there is no such run."""
    if not path.exists():
        return {}
    try:
        content = json.loads(path.read_bytes())
        same = all(content[name] == json.loads(json.dumps(facts[name])) for name in _SAME)
        sections: dict[str, Rows] = {
            name: content["sections"][name] for name in SECTIONS if name in content["sections"]
        }
    except (ValueError, LookupError, TypeError):
        same, sections = False, {}
    if not same:
        notice(f"{path} is damaged, or of other code, networks or devices: its sections are measured again")
        return {}
    return sections
