"""The flags of the engine: verification of a run, and a cluster to work on."""

from __future__ import annotations

from absl import flags

from tf_strattack.errors import InputError

VERIFY = flags.DEFINE_bool(
    "verify",
    False,
    "Do not attack: check every file of a finished run of this configuration, and classify its examples again.",
)
RAY = flags.DEFINE_string(
    "ray",
    None,
    "Attack on a Ray cluster: its address host:port, auto to let Ray find one, or local to start Ray here.",
)
WORKERS = flags.DEFINE_integer(
    "workers",
    None,
    "With --ray: shards at a time; if unset, one per GPU or, without GPUs, per CPU.",
    lower_bound=1,
)
CPUS_PER_WORKER = flags.DEFINE_integer(
    "cpus_per_worker", None, "With --ray: threads per worker; 1 if unset.", lower_bound=1
)

CLUSTER = (RAY, WORKERS, CPUS_PER_WORKER)


def check_engine_flags(*, overwrite: bool, tensorboard: bool) -> None:
    """Refuses flags that require or exclude others.

    Raises:
      InputError: the flags do not fit.
    """
    if RAY.value is None and (WORKERS.value is not None or CPUS_PER_WORKER.value is not None):
        raise InputError("expected --ray with --workers or --cpus_per_worker, received none")
    if VERIFY.value and overwrite:
        raise InputError("expected --verify without --overwrite, received both")
    if RAY.value is not None and tensorboard:
        raise InputError(
            "expected --tensorboard_dir without --ray, whose workers do not report iterations, received both"
        )
