"""Writes adversarial examples of a whole split as a data set: `python -m eval.generate`.

The examples go, a shard at a time, into dataset/ of --output_dir, which `tfds.builder_from_directory` and
--adversarial_dataset of training.train read; manifest.json has configuration and checksums, metrics.json the figures.
The same command, given again, makes what is missing or damaged.
"""

from __future__ import annotations

from . import flags
from .generation import flags as own

OPTIONS = flags.options(
    {
        "Generation": [own.SHARD_SIZE, own.QUANTIZE, own.PNG_DIR],
        "Several machines": [own.SHARD_INDEX, own.NUM_SHARDS],
    },
    num_images=None,
    targets="random",
    split="train",
)


def main() -> None:
    """Makes the data set that the flags name."""
    from .generation.program import generate

    generate()


def cli() -> None:
    """The program."""
    flags.run_program(main, __doc__, OPTIONS)


if __name__ == "__main__":
    cli()
