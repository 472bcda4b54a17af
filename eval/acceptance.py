"""Tries the promises of attacks on your network: `python -m eval.acceptance --model=FILE --dataset=FOLDER`.

Success by the network's own output, confidence, epsilon, mask, bounds, independence of the batch, determinism, counted
evaluations, 8-bit images, resumed runs, clean accuracy. Prints a line for each, writes acceptance.json, and exits with
1 if a promise is broken. Without --model it tries the shipped networks. The attack may be a class of your own.
"""

from __future__ import annotations

from . import flags

OPTIONS = flags.options(
    without=["verify", "tensorboard_dir", *flags.CLUSTER_NAMES], model="shipped", num_images=5, targets="random:2"
)


def main() -> int:
    """Tries the promises that the flags ask for."""
    from .promises.program import accept

    return accept()


def cli() -> None:
    """The program."""
    flags.run_program(main, __doc__, OPTIONS)


if __name__ == "__main__":
    cli()
