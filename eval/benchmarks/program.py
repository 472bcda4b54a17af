"""eval.benchmark: its sections, one after another."""

from __future__ import annotations

import os

import tensorflow as tf

from tf_strattack.programs.command_line import command
from tf_strattack.programs.directories.configuration import claim, require_claimable
from tf_strattack.programs.running import announce, require_new
from tf_strattack.runtime.files import write_json

from .. import flags
from ..runs.records import completed
from .figure import draw_benchmark
from .report import write_benchmark_report
from .request import PROGRAM, Request, Rows
from .sections import SECTIONS
from .tables import section_table

_RESULTS = "benchmark.json"


def benchmark() -> None:
    """Measures the sections that the flags name, and writes the results.

    Raises:
      InputError: flags that do not fit.
    """
    request = Request.read()
    configuration, overwrite = request.configuration(), flags.OVERWRITE.value
    seeded = {**configuration, "seed": flags.SEED.value}
    directory = flags.output_dir(PROGRAM, seeded)
    require_claimable(directory, seeded, program=PROGRAM, flag="--output_dir", overwrite=overwrite)
    require_new(directory / _RESULTS, overwrite=overwrite)
    measures = request.measures(request.load_nets())
    facts = {
        "command": command(),
        "seed": flags.SEED.value,
        "machine": {
            "cpu_count": os.cpu_count(),
            "devices": [f"{device.device_type}:{device.name}" for device in tf.config.list_physical_devices()],
        },
        "configuration": configuration,
    }
    claim(directory, seeded, program=PROGRAM, flag="--output_dir", overwrite=overwrite)
    announce(directory)
    measured: dict[str, Rows] = {}
    for name in request.sections:
        measured[name] = measures[name]()
        print(f"\n{name}\n{section_table(name, measured[name], SECTIONS[name]).text()}", flush=True)
        # After every section, so that an interruption loses only the current one.
        written = completed({**facts, "sections": measured})
        write_json(directory / _RESULTS, written)
        write_benchmark_report(directory, written, SECTIONS, draw_benchmark(directory / "benchmark.png", measured))
    print(f"\nwritten to {directory}")
