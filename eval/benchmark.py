"""Measures the cost and the success of attacks: `python -m eval.benchmark`.

Prints a table for each of --sections and writes benchmark.json, benchmark.png and report.html into --output_dir.
"""

from __future__ import annotations

from . import flags
from .benchmarks import flags as own

OPTIONS = flags.options(
    {
        "Sections": [own.SECTIONS, own.NETS, own.CASES_DIR, own.PEERS],
        "Sections attacks and floor": [own.ATTACKS, own.BATCH_SIZES, own.REPEATS, own.FLOOR_BATCH_SIZES],
        "Sections curves, pareto and groups": [
            own.CURVE_EXAMPLES,
            own.CURVE_EVALUATIONS,
            own.PARETO_TAUS,
            own.PARETO_EXAMPLES,
            own.GROUPS_BUDGETS,
        ],
        "Section structured": [
            own.STRUCTURED_ATTACKS,
            own.STRUCTURED_EVALUATIONS,
            own.STRUCTURED_EXAMPLES,
            own.ENVELOPE,
        ],
        "Other sections": [
            own.MEMORY_BATCH_SIZES,
            own.SCALING_IMAGES,
            own.FOOLBOX_EXAMPLES,
            own.FOOLBOX_ITERATIONS,
        ],
    },
    without=["num_images", "batch_size", "groups", "tensorboard_dir", "verify", *flags.CLUSTER_NAMES],
)


def main() -> None:
    """Runs the benchmark that the flags describe."""
    from .benchmarks.program import benchmark

    benchmark()


def cli() -> None:
    """The program."""
    flags.run_program(main, __doc__, OPTIONS)


if __name__ == "__main__":
    cli()
