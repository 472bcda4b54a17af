"""Attacks a model: `python -m eval.attack` runs StrAttack on shipped digits; --help lists the flags.

Prints the table of best, average and worst case over targets and writes into --output_dir:
metrics.json, dataset/ (the examples, for tfds.builder_from_directory), examples.png and report.html.
"""

from __future__ import annotations

import functools

from eval import flags
from eval.figures import draw_examples
from eval.inputs.attacks import describe_attacks
from eval.pipeline import attack_dataset
from eval.program import run


def main() -> None:
    """Wires flags, attack and records together."""
    if flags.LIST_ATTACKS.value:
        print(describe_attacks())
        return
    draw = functools.partial(draw_examples, group_size=flags.GROUP_SIZE.value)
    attack_dataset(flags.DATASET.value, draw, split=flags.SPLIT.value, shard_per_image=False)


if __name__ == "__main__":
    run(main)
