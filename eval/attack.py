"""Attacks a model: `python -m eval.attack` runs StrAttack on shipped digits.

Prints a table of the best, average and worst case over targets. Writes into --output_dir:
metrics.json, metrics.sarif, dataset/ (the examples, for tfds.builder_from_directory), examples.png and report.html.
"""

from __future__ import annotations

import functools

from . import flags
from .gate.flags import FAIL_IF

OPTIONS = flags.options({"Attack": [flags.TRANSFORM], "Run": [FAIL_IF]})


def main() -> int:
    """Runs the attack that the flags describe."""
    from .figures.examples import draw_examples
    from .inputs.groups import parse_groups
    from .pipeline import attack_dataset

    draw = functools.partial(draw_examples, grouping=parse_groups(flags.GROUPS.value))
    return attack_dataset(
        "eval.attack",
        flags.DATASET.value,
        draw,
        split=flags.SPLIT.value,
        shard_per_image=False,
        fail_if=FAIL_IF.value,
    )


def cli() -> None:
    """The program."""
    flags.run_program(main, __doc__, OPTIONS)


if __name__ == "__main__":
    cli()
