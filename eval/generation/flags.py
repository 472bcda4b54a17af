"""The flags of eval.generate in addition to those that all programs share."""

from __future__ import annotations

from absl import flags as absl_flags

UINT8 = "uint8"

SHARD_SIZE = absl_flags.DEFINE_integer(
    "shard_size",
    None,
    "Examples per shard, the most that an interruption loses; depends on the image size if unset.",
    lower_bound=1,
)
QUANTIZE = absl_flags.DEFINE_enum(
    "quantize", None, [UINT8], "Store 8-bit images; examples that rounding would make harmless are repaired."
)
PNG_DIR = absl_flags.DEFINE_string(
    "png_dir",
    None,
    "Also write the successful examples to this directory, as PNG files with labels.csv; needs --quantize=uint8.",
)
FORMAT = absl_flags.DEFINE_list(
    "format",
    ["tfds"],
    "Formats of the data set: tfds in dataset/, parquet in parquet/, or both. A run keeps the formats that it has; one "
    "that is added is made from these, without attacking again.",
)
DATASET_LICENSE = absl_flags.DEFINE_string(
    "dataset_license",
    None,
    "The license of the examples, for the cards and croissant.json: an SPDX identifier such as CC-BY-4.0, or an "
    "address. Unset, they name none.",
)
SHARD_INDEX = absl_flags.DEFINE_integer(
    "shard_index", None, "In a job array: the part of this job, from 0 to --num_shards - 1.", lower_bound=0
)
NUM_SHARDS = absl_flags.DEFINE_integer(
    "num_shards", None, "In a job array: the number of parts that the work is divided into.", lower_bound=1
)
