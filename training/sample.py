"""Writes the sample of MNIST test digits that the package ships: `python -m training.sample --output=FILE.npz`."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from absl import flags

from tf_strattack.errors import InputError
from tf_strattack.programs.command_line import Options
from tf_strattack.programs.running import require_new, run
from tf_strattack.runtime.files import replacing

_DATA_DIR = flags.DEFINE_string("data_dir", None, "Directory of prepared TFDS data sets.")
_DOWNLOAD = flags.DEFINE_bool("download", False, "Let TFDS download a data set that is missing.")
_NUMBER = flags.DEFINE_integer("number", 500, "Number of digits.", lower_bound=1, upper_bound=500)
_OUTPUT = flags.DEFINE_string("output", "mnist_sample.npz", "The .npz file to write.")
_OVERWRITE = flags.DEFINE_bool("overwrite", False, "Replace an existing output file.")
OPTIONS = Options({"Data": [_DATA_DIR, _DOWNLOAD, _NUMBER], "Output": [_OUTPUT, _OVERWRITE]})


def main() -> None:
    """Writes the first digits of the test split, in the fixed order of TFDS mnist 3.0.1."""
    from tf_strattack.programs.tfds_splits import load_raw

    output = Path(_OUTPUT.value)
    _check(output)
    split = f"test[:{_NUMBER.value}]"
    (test,) = load_raw("mnist", [split], data_dir=_DATA_DIR.value, download=_DOWNLOAD.value)
    pairs = list(test.as_numpy_iterator())
    output.parent.mkdir(parents=True, exist_ok=True)
    _check(output)  # again: a download takes long, and the file may exist by now
    with replacing(output) as file:
        np.savez_compressed(
            file,
            images=np.stack([image for image, _ in pairs]),
            labels=np.array([label for _, label in pairs], np.int32),
            indices=np.arange(len(pairs), dtype=np.int32),
        )
    print(f"{output}: {len(pairs)} digits")


def _check(output: Path) -> None:
    """Refuses an --output that cannot be written, or that exists."""
    if not output.name.endswith(".npz"):
        raise InputError(f"expected --output to end in .npz, received {output}")
    if output.is_dir():
        raise InputError(f"expected --output to be a file, received {output}, which is a directory")
    existing = next(place for place in output.absolute().parents if place.exists())
    if not existing.is_dir():
        raise InputError(f"expected --output in a directory, received {output}, but {existing} is a file")
    require_new(output, overwrite=_OVERWRITE.value)


def cli() -> None:
    """The program."""
    run(main, __doc__, OPTIONS)


if __name__ == "__main__":
    cli()
