"""Attacks an ImageNet network: `python -m eval.imagenet --image_dir=DIR` or `--data_dir=DIR`.

The default network is Keras's InceptionV3. Photographs are read one by one, resized and cropped as in the network's
own evaluation, and attacked if the network classifies them correctly. Writes the same files as eval.attack, with one
shard per image, so that an interrupted run resumes at the image it had reached. The default --split is validation for
imagenet2012 and test for any other data set.
"""

from __future__ import annotations

import functools
from pathlib import Path

from absl import flags as absl_flags

from tf_strattack import InputError

from . import flags
from .gate.flags import FAIL_IF

_IMAGE_DIR = absl_flags.DEFINE_string(
    "image_dir",
    None,
    "Folder of photographs with one sub-folder per class, or with labels.csv (filename, class_index and, optionally, "
    "class_name) in it or in the folder above; if unset, the TFDS data set --dataset in --data_dir.",
)
# The test split of ImageNet has no labels.
_SPLITS = {"imagenet2012": "validation"}
OPTIONS = flags.options(
    {"Data": [_IMAGE_DIR], "Attack": [flags.TRANSFORM], "Run": [FAIL_IF]},
    model="inception_v3",
    dataset="imagenet2012",
    num_images=100,
    targets="random:9",
    groups="squares:13",
    batch_size="auto",
)


def main() -> int:
    """Runs the attack that the flags describe."""
    from .figures.photographs import draw_photographs
    from .inputs.groups import parse_groups
    from .pipeline import attack_dataset

    if _IMAGE_DIR.value is not None and flags.DATASET.present:
        raise InputError("expected --image_dir or --dataset, received both")
    if _IMAGE_DIR.value is not None and not Path(_IMAGE_DIR.value).is_dir():
        raise InputError(f"expected --image_dir to be a folder, received {_IMAGE_DIR.value!r}")
    split = flags.SPLIT.value
    if not flags.SPLIT.present:
        split = _SPLITS.get(flags.DATASET.value, split)
    draw = functools.partial(draw_photographs, grouping=parse_groups(flags.GROUPS.value))
    return attack_dataset(
        "eval.imagenet",
        _IMAGE_DIR.value or flags.DATASET.value,
        draw,
        split=split,
        shard_per_image=True,
        fail_if=FAIL_IF.value,
    )


def cli() -> None:
    """The program."""
    flags.run_program(main, __doc__, OPTIONS)


if __name__ == "__main__":
    cli()
