"""Writes the sample of MNIST test digits that the package ships: `python -m training.sample --output=FILE.npz`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from absl import flags

from eval.program import require_new, run
from training.data import load_raw

_DATA_DIR = flags.DEFINE_string("data_dir", None, "Directory of prepared TFDS data sets.")
_DOWNLOAD = flags.DEFINE_bool("download", False, "Let TFDS download what is missing.")
_NUMBER = flags.DEFINE_integer("number", 500, "How many digits.", lower_bound=1, upper_bound=500)
_OUTPUT = flags.DEFINE_string("output", "mnist_sample.npz", "The .npz file to write.")
_OVERWRITE = flags.DEFINE_bool("overwrite", False, "Replace an existing output file.")


def main() -> None:
    """Takes the first digits of the test split, in the order of TFDS mnist 3.0.1, which is fixed."""
    output = Path(_OUTPUT.value)
    require_new(output, overwrite=_OVERWRITE.value)
    split = f"test[:{_NUMBER.value}]"
    (test,) = load_raw("mnist", [split], data_dir=_DATA_DIR.value, download=_DOWNLOAD.value)
    pairs = list(test.as_numpy_iterator())
    np.savez_compressed(
        output,
        images=np.stack([image for image, _ in pairs]),
        labels=np.array([label for _, label in pairs], np.int32),
        indices=np.arange(len(pairs), dtype=np.int32),
    )
    print(f"{output}: {len(pairs)} digits")


if __name__ == "__main__":
    run(main)
