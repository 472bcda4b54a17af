"""Attacks a model: `python -m eval.attack` runs StrAttack on shipped digits.

Prints the table of best, average and worst case over targets and writes into --output_dir:
metrics.json, dataset/ (the examples, for tfds.builder_from_directory), examples.png and report.html.
"""

from __future__ import annotations

import functools

from tf_strattack.programs.running import run

from . import flags

OPTIONS = flags.options()


def main() -> None:
    """Wires flags, attack and records together."""
    from .figures.examples import draw_examples
    from .inputs.attacks import list_attacks
    from .pipeline import attack_dataset

    if flags.LIST_ATTACKS.value:
        print(list_attacks(flags.LIST_ATTACKS.value))
        return
    draw = functools.partial(draw_examples, group_size=flags.GROUP_SIZE.value)
    attack_dataset(flags.DATASET.value, draw, split=flags.SPLIT.value, shard_per_image=False)


def cli() -> None:
    """The program."""
    run(main, __doc__, OPTIONS)


if __name__ == "__main__":
    cli()
