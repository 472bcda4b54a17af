"""Measures what attacks cost and obtain: `python -m eval.benchmark`; --help lists the flags.

Prints a table for each of --sections and writes benchmark.json, benchmark.png and report.html into --output_dir.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import tensorflow as tf
from absl import flags as absl_flags

from eval import flags
from eval.benchmarks import (
    curves,
    flagged_net,
    floor,
    foolbox_peer,
    groups,
    memory,
    overhead,
    pareto,
    peers,
    precision,
    scaling,
)
from eval.benchmarks.figure import draw_benchmark
from eval.benchmarks.nets import NETS, available, load_nets
from eval.benchmarks.report import write_benchmark_report
from eval.benchmarks.tables import format_section
from eval.directories.configuration import claim, require_claimable
from eval.inputs.attacks import ATTACKS, describe_attacks, make_attack
from eval.program import command, require_new, run
from eval.records import write_metrics
from tf_strattack import Attack, InputError

_PROGRAM, _RESULTS = "eval.benchmark", "benchmark.json"
# Section → the columns of its table.
SECTIONS = {
    "floor": floor.COLUMNS,
    "attacks": overhead.COLUMNS,
    "curves": curves.COLUMNS,
    "pareto": pareto.COLUMNS,
    "groups": groups.COLUMNS,
    "memory": memory.COLUMNS,
    "scaling": scaling.COLUMNS,
    "precision": precision.COLUMNS,
    "foolbox": foolbox_peer.COLUMNS,
    "peers": peers.COLUMNS,
}
# They need more than the others, or take far longer.
_ON_REQUEST = ("foolbox", "peers")
# Shared flags that mean nothing here, and those that do with the net "model" alone.
_UNUSED = ("num_images", "batch_size", "group_size", "tensorboard_dir")
_OF_MODEL = (
    "model",
    "weights",
    "bounds",
    "data_format",
    "model_options",
    "dataset",
    "data_dir",
    "split",
    "download",
    "resize",
    "targets",
)
# Sections that load nets by themselves, in processes of their own, or need a Keras file.
_NOT_OF_MODEL = ("memory", "scaling", "precision", "foolbox", "peers")

_SECTIONS = absl_flags.DEFINE_list(
    "sections", [name for name in SECTIONS if name not in _ON_REQUEST], f"What to measure, of {', '.join(SECTIONS)}."
)
_NETS = absl_flags.DEFINE_list(
    "nets",
    [],
    f"Networks, of {', '.join(NETS)}, all that can be loaded if unset; or model, the one of --model on --dataset.",
)
_CASES_DIR = absl_flags.DEFINE_string(
    "cases_dir", None, "Directory of the *_cases nets: NAME_net.keras, for inputs in [-0.5, 0.5], and NAME_cases.npz."
)
_ATTACKS = absl_flags.DEFINE_list(
    "attacks", ["strattack", "strattack_overlap"], "Attacks of the section attacks; --attack names a single one."
)
_BATCH_SIZES = absl_flags.DEFINE_list("batch_sizes", ["9", "90"], "Examples a call in the section attacks.")
_REPEATS = absl_flags.DEFINE_integer("repeats", 5, "Timed runs of each attack.", lower_bound=1)
_FLOOR_ROWS = absl_flags.DEFINE_list("floor_batch_sizes", ["1", "9", "90", "450"], "Rows a call in the section floor.")
_CURVE_EXAMPLES = absl_flags.DEFINE_integer("curve_examples", 27, "Examples of curves and groups.", lower_bound=1)
_CURVE_EVALUATIONS = absl_flags.DEFINE_list(
    "curve_evaluations", ["10", "20", "50", "100", "200", "500", "1000"], "Gradient evaluations of the curves' points."
)
_PARETO_TAUS = absl_flags.DEFINE_list("pareto_taus", ["0.2", "0.4", "0.65", "1", "1.5", "2.5"], "tau in pareto.")
_PARETO_EXAMPLES = absl_flags.DEFINE_integer(
    "pareto_examples", None, "First examples of each net in pareto; all if unset.", lower_bound=1
)
_GROUPS_BUDGETS = absl_flags.DEFINE_list(
    "groups_budgets", ["3", "5", "8", "10", "15", "20", "30", "50"], "max_groups in the section groups."
)
_MEMORY_ROWS = absl_flags.DEFINE_list("memory_batch_sizes", ["16", "90", "450"], "Examples a call in memory.")
_FOOLBOX_EXAMPLES = absl_flags.DEFINE_integer("foolbox_examples", 9, "Examples of the section foolbox.", lower_bound=1)
_FOOLBOX_ITERATIONS = absl_flags.DEFINE_integer(
    "foolbox_iterations", 1000, "Iterations of each of nine search steps in the section foolbox.", lower_bound=1
)
_SCALING_IMAGES = absl_flags.DEFINE_list("scaling_images", ["100", "1000", "10000"], "Images of the section scaling.")


def main() -> None:
    """Wires flags, sections, tables and files together."""
    if flags.LIST_ATTACKS.value:
        print(describe_attacks())
        return
    flags.refuse_unused(_PROGRAM, _UNUSED)
    sections = _names("sections", _SECTIONS.value, SECTIONS)
    cases_dir = None if _CASES_DIR.value is None else Path(_CASES_DIR.value)
    net_names = _names("nets", _NETS.value or available(cases_dir), [*NETS, flagged_net.NAME])
    _check_model(net_names, sections)
    attacks = _attacks()
    counts = {
        flag.name: sorted(flags.positive_numbers(flag.name, flag.value or [""], int))
        for flag in (_BATCH_SIZES, _FLOOR_ROWS, _CURVE_EVALUATIONS, _GROUPS_BUDGETS, _MEMORY_ROWS, _SCALING_IMAGES)
    }
    taus = sorted(flags.positive_numbers(_PARETO_TAUS.name, _PARETO_TAUS.value or [""], float))
    configuration = {
        "sections": sections,
        "nets": net_names,
        "cases_dir": _CASES_DIR.value,
        "repeats": _REPEATS.value,
        "attacks": {name: attack.hyper_parameters for name, attack in attacks.items()},
        "curve_examples": _CURVE_EXAMPLES.value,
        "pareto_taus": taus,
        "pareto_examples": _PARETO_EXAMPLES.value,
        "foolbox_examples": _FOOLBOX_EXAMPLES.value,
        "foolbox_iterations": _FOOLBOX_ITERATIONS.value,
        **counts,
        **{name: absl_flags.FLAGS[name].value for name in _OF_MODEL if flagged_net.NAME in net_names},
    }
    directory, overwrite, seeded = (
        flags.output_dir(),
        flags.OVERWRITE.value,
        {**configuration, "seed": flags.SEED.value},
    )
    require_claimable(directory, seeded, program=_PROGRAM, flag="--output_dir", overwrite=overwrite)
    require_new(directory / _RESULTS, overwrite=overwrite)
    nets = load_nets([name for name in net_names if name in NETS], cases_dir)
    if flagged_net.NAME in net_names:
        nets.append(
            flagged_net.load_flagged_net(
                max(*counts["batch_sizes"], _CURVE_EXAMPLES.value, _PARETO_EXAMPLES.value or 1)
            )
        )
    if "peers" in sections:
        peers.require_peers(nets)
    facts = {
        "command": command(),
        "seed": flags.SEED.value,
        "machine": {
            "cpu_count": os.cpu_count(),
            "devices": [f"{device.device_type}:{device.name}" for device in tf.config.list_physical_devices()],
        },
        "configuration": configuration,
    }
    measure: dict[str, Callable[[], list[dict[str, Any]]]] = {
        "floor": lambda: floor.measure_floors(nets, counts["floor_batch_sizes"]),
        "attacks": lambda: overhead.measure_attacks(nets, attacks, counts["batch_sizes"], _REPEATS.value),
        "curves": lambda: curves.measure_curves(nets, _CURVE_EXAMPLES.value, counts["curve_evaluations"]),
        "pareto": lambda: pareto.measure_pareto(nets, _PARETO_EXAMPLES.value, taus),
        "groups": lambda: groups.measure_groups(nets, _CURVE_EXAMPLES.value, counts["groups_budgets"]),
        "memory": lambda: memory.measure_memory(net_names, cases_dir, counts["memory_batch_sizes"]),
        "precision": lambda: precision.measure_precision(nets, counts["batch_sizes"]),
        "foolbox": lambda: foolbox_peer.measure_foolbox(nets, _FOOLBOX_EXAMPLES.value, _FOOLBOX_ITERATIONS.value),
        "peers": lambda: peers.measure_peers(nets),
        "scaling": lambda: scaling.measure_scaling(counts["scaling_images"], flags.SEED.value),
    }
    claim(directory, seeded, program=_PROGRAM, flag="--output_dir", overwrite=overwrite)
    measured: dict[str, list[dict[str, Any]]] = {}
    for name in sections:
        measured[name] = measure[name]()
        print(f"\n{name}\n{format_section(measured[name], SECTIONS[name])}", flush=True)
        # After every section: what is measured outlives an interruption.
        written = write_metrics(directory / _RESULTS, {**facts, "sections": measured})
        draw_benchmark(directory / "benchmark.png", measured)
        write_benchmark_report(directory, written, SECTIONS)
    print(f"\nwritten to {directory}")


def _names(flag: str, names: list[str], known: Iterable[str]) -> list[str]:
    for name in names or [""]:
        if name not in known:
            raise InputError(f"expected --{flag} to be of {', '.join(known)}, received {name!r}")
    return list(dict.fromkeys(names))


def _check_model(nets: list[str], sections: list[str]) -> None:
    """Refuses flags without the net that they are about, and sections that cannot have it."""
    if flagged_net.NAME not in nets:
        flags.refuse_unused(f"{_PROGRAM} without --nets=model", _OF_MODEL)
        return
    unfit = [name for name in sections if name in _NOT_OF_MODEL]
    if unfit:
        raise InputError(
            f"expected --sections without {', '.join(unfit)} with --nets=model, received {','.join(sections)}"
        )


def _attacks() -> dict[str, Attack]:
    """The attacks that --attacks or --attack name; --attack_parameters go to a single one."""
    if absl_flags.FLAGS["attack"].present and absl_flags.FLAGS["attacks"].present:
        raise InputError("expected --attack or --attacks, received both")
    named = [flags.ATTACK.value] if absl_flags.FLAGS["attack"].present else _ATTACKS.value
    names = _names("attacks", named, ATTACKS)
    parameters = flags.ATTACK_PARAMETERS.value
    if parameters and len(names) > 1:
        raise InputError(f"expected --attack with --attack_parameters, received {len(names)} attacks")
    return {name: make_attack(name, parameters) for name in names}


if __name__ == "__main__":
    run(main)
