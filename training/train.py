"""Trains a network on a data set: `python -m training.train --dataset=mnist --output=FILE.keras`.

Writes the network and, next to it, a model card (JSON) with its test accuracy, configuration and versions. Run the
same command again to resume an interrupted training after its last finished epoch.
"""

from __future__ import annotations

from tf_strattack.programs.command_line import Options
from tf_strattack.programs.running import run

from . import flags

OPTIONS = Options(
    {
        "Network": [flags.NET],
        "Data": [flags.DATASET, flags.DATA_DIR, flags.DOWNLOAD],
        "Defence": [
            flags.VARIANT,
            flags.TEMPERATURE,
            flags.ADVERSARIAL_DATASET,
            flags.EPSILON,
            flags.PGD_STEPS,
            flags.PGD_STEP_SIZE,
            flags.NOISE_STD,
            flags.MEMBERS,
        ],
        "Training": [flags.EPOCHS, flags.BATCH_SIZE, flags.LEARNING_RATE, flags.PRECISION, flags.SEED],
        "Output": [flags.OUTPUT, flags.OVERWRITE, flags.TENSORBOARD_DIR],
    }
)


def main() -> None:
    """Trains the network that the flags describe."""
    from .program import train_network

    train_network()


def cli() -> None:
    """The program."""
    run(main, __doc__, OPTIONS)


if __name__ == "__main__":
    cli()
