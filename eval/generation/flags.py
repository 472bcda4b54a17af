"""The flags of eval.generate besides those that all programs share."""

from __future__ import annotations

from absl import flags as absl_flags

UINT8 = "uint8"

SHARD_SIZE = absl_flags.DEFINE_integer(
    "shard_size", None, "Examples a shard, the most that an interruption loses; by image size if unset.", lower_bound=1
)
QUANTIZE = absl_flags.DEFINE_enum(
    "quantize", None, [UINT8], "Store 8-bit images, repaired where rounding would make them harmless."
)
PNG_DIR = absl_flags.DEFINE_string(
    "png_dir", None, "Besides, write the successful examples as PNG files with labels.csv; needs --quantize=uint8."
)
VERIFY = absl_flags.DEFINE_bool(
    "verify", False, "Attack nothing: check the shards of a generation of this configuration, and classify them again."
)
RAY = absl_flags.DEFINE_string(
    "ray",
    None,
    "Attack on a Ray cluster: its address host:port, auto for one that Ray finds, or local to start Ray here.",
)
WORKERS = absl_flags.DEFINE_integer(
    "workers", None, "With --ray: shards at a time; as many as GPUs, or else CPUs, if unset.", lower_bound=1
)
CPUS_PER_WORKER = absl_flags.DEFINE_integer("cpus_per_worker", 1, "With --ray: threads of a worker.", lower_bound=1)
SHARD_INDEX = absl_flags.DEFINE_integer(
    "shard_index", None, "In a job array: which part this job does, from 0 to --num_shards - 1.", lower_bound=0
)
NUM_SHARDS = absl_flags.DEFINE_integer(
    "num_shards", None, "In a job array: into how many parts the work is divided.", lower_bound=1
)
