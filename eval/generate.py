"""Writes adversarial examples of a whole split as a data set: `python -m eval.generate`.

Writes the examples shard by shard to dataset/ in --output_dir, which `tfds.builder_from_directory` and
--adversarial_dataset of training.train read, and with --format=tfds,parquet to parquet/ too, which
`datasets.load_dataset` reads. manifest.json has the configuration and checksums, metrics.json the figures. Run the same
command again to make shards that are missing or damaged.
"""

from __future__ import annotations

from . import flags
from .generation import flags as own

OPTIONS = flags.options(
    {
        "Generation": [own.SHARD_SIZE, own.QUANTIZE, own.FORMAT, own.PNG_DIR, own.DATASET_LICENSE],
        "Several machines": [own.SHARD_INDEX, own.NUM_SHARDS],
    },
    num_images=None,
    targets="random",
    split="train",
)


def main() -> None:
    """Makes the data set that the flags describe."""
    from .generation.program import generate

    generate()


def cli() -> None:
    """The program."""
    flags.run_program(main, __doc__, OPTIONS)


if __name__ == "__main__":
    cli()
