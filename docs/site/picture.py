"""Draws docs/examples.png, the picture of README.md: `PYTHONPATH=. python docs/site/picture.py`."""

from __future__ import annotations

import sys
from pathlib import Path

import tf_strattack as sa

# Which of the eight digits that README.md attacks.
SHOWN = [0, 3]


def main(path: Path) -> None:
    """Attacks the first eight shipped digits as README.md does, and draws two of them into `path`."""
    classifier = sa.shipped.load_classifier("mnist_cnn")
    images, labels, _ = sa.shipped.load_sample()
    images, labels = images[:8], labels[:8]
    result = sa.StrAttack(group_size=2)(classifier, images, labels, targets=(labels + 1) % 10)
    figure = sa.plot.examples(result[SHOWN], rows=2)
    figure.savefig(path, dpi=110)


if __name__ == "__main__":
    main(Path(sys.argv[1]) if sys.argv[1:] else Path(__file__).resolve().parents[1] / "examples.png")
