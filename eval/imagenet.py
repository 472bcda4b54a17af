"""Attacks an ImageNet network: `python -m eval.imagenet --image_dir=DIR` or `--data_dir=DIR`; --help lists the flags.

The network is Keras's InceptionV3 if --model names no other. Photographs are read one after another, resized and
cropped as the network's own evaluation does, and only those that it classifies correctly are attacked. Writes what
eval.attack writes, a shard an image: a run that is stopped goes on at the image where it was.
"""

from __future__ import annotations

import functools
from pathlib import Path

from absl import flags as absl_flags

from eval import flags
from eval.inputs.attacks import describe_attacks
from eval.photograph_figure import draw_photographs
from eval.pipeline import attack_dataset
from eval.program import run
from tf_strattack import InputError

absl_flags.set_default(flags.MODEL, "inception_v3")
absl_flags.set_default(flags.DATASET, "imagenet2012")
absl_flags.set_default(flags.NUM_IMAGES, 100)
absl_flags.set_default(flags.TARGETS, "9")
absl_flags.set_default(flags.GROUP_SIZE, 13)
absl_flags.set_default(flags.BATCH_SIZE, "auto")
_IMAGE_DIR = absl_flags.DEFINE_string(
    "image_dir",
    None,
    "Folder of photographs with labels.csv (filename, class_index and, if there is one, class_name) in it or above it, "
    "or with a sub-folder for each class; if unset, --dataset, a TFDS data set, in --data_dir.",
)
# The split with labels that nets are not trained on.
_SPLITS = {"imagenet2012": "validation"}


def main() -> None:
    """Wires flags, attack and records together."""
    if flags.LIST_ATTACKS.value:
        print(describe_attacks())
        return
    if _IMAGE_DIR.value is not None and flags.DATASET.present:
        raise InputError("expected --image_dir or --dataset, received both")
    if _IMAGE_DIR.value is not None and not Path(_IMAGE_DIR.value).is_dir():
        raise InputError(f"expected --image_dir to be a folder, received {_IMAGE_DIR.value!r}")
    split = flags.SPLIT.value
    if not flags.SPLIT.present:
        split = _SPLITS.get(flags.DATASET.value, split)
    draw = functools.partial(draw_photographs, group_size=flags.GROUP_SIZE.value)
    attack_dataset(_IMAGE_DIR.value or flags.DATASET.value, draw, split=split, shard_per_image=True)


if __name__ == "__main__":
    run(main)
