"""Shards as tasks on a Ray cluster: Ray places them, and repeats them if their worker or node dies."""

from __future__ import annotations

import contextlib
import itertools
import os
import secrets
import socket
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import tensorflow as tf

import tf_strattack
from tf_strattack import Classifier, InputError
from tf_strattack.programs.numbers import whole_number

from ..inputs.examples import Examples
from .packed_model import PackedModel
from .progress_bar import ProgressBar
from .work import Outcome, Outcomes, Work

AUTO, LOCAL = "auto", "local"
# How often a shard is repeated because its worker or node died.
_RETRIES = 8
# Shards submitted to Ray per worker, so that a worker finds the next shard when it has finished one.
_AHEAD = 2
# The longest time that a cluster may take to answer.
_ANSWER_SECONDS = 10.0


class Cluster(NamedTuple):
    """A Ray cluster that attacks shards.

    Attributes:
      address: "local" (starts Ray on this machine), "auto" (the cluster that Ray finds from here) or host:port.
      workers: the most shards at a time; None for one per GPU, or one per `cpus_per_worker` CPUs without GPUs.
      cpus_per_worker: threads per worker.
    """

    address: str
    workers: int | None
    cpus_per_worker: int

    def work(self, work: Work, packed: PackedModel, shards: Iterable[tuple[int, Examples]], total: int) -> Outcomes:
        """Attacks shards as Ray tasks and yields each when it is finished; shows progress like `work_here`.

        Raises:
          InputError: no Ray, no cluster at the address, or a shard that fails.
        """
        ray = self._import_ray()
        self._connect(ray)
        try:
            self._require_room(ray)
            yield from self._tasks(ray, work, packed, shards, total)
        except ray.exceptions.RayTaskError as error:
            raise _failure(error.cause if isinstance(error.cause, Exception) else error) from error
        except ray.exceptions.RayError as error:
            raise _failure(error) from error
        finally:
            ray.shutdown()

    def check(self) -> None:
        """Checks that Ray is installed and that host:port answers. Ray would try for minutes and then end the process.

        Raises:
          InputError: Ray is not installed, or nothing answers.
        """
        self._import_ray()
        if self.address in (AUTO, LOCAL):
            return
        host, _, port = self.address.removeprefix("ray://").rpartition(":")
        try:
            if not host or whole_number(port) is None:
                raise ValueError("no address of the form host:port")
            socket.create_connection((host, int(port)), timeout=_ANSWER_SECONDS).close()
        except (OSError, ValueError) as error:
            raise self._no_cluster(error) from error

    def _import_ray(self) -> Any:
        if self.address == LOCAL:
            # Ray's ports are open on all interfaces. From version 2.52 on, Ray refuses clients without this token.
            os.environ.setdefault("RAY_AUTH_MODE", "token")
            os.environ.setdefault("RAY_AUTH_TOKEN", secrets.token_hex(32))
        try:
            import ray
            import ray.exceptions
        except ImportError as error:
            raise InputError('expected Ray for --ray, received none: pip install "ray>=2.40,<3"') from error
        return ray

    def _connect(self, ray: Any) -> None:
        # In an installation `eval` is a part of the library.
        folders = [Path(tf_strattack.__file__).parent, Path(__file__).parents[1]]
        packages = [str(folder) for folder in folders if folder.parent.name != "tf_strattack"]
        options: dict[str, Any] = {
            "runtime_env": {"py_modules": packages, "env_vars": {"TF_CPP_MIN_LOG_LEVEL": "3"}},
            "log_to_driver": False,
            "logging_level": "ERROR",
        }
        try:
            if self.address == LOCAL:
                workers = self.workers or max(1, (os.cpu_count() or 1) // self.cpus_per_worker)
                ray.init("local", num_cpus=workers * self.cpus_per_worker, include_dashboard=False, **options)
            else:
                ray.init(self.address, **options)
        except (OSError, RuntimeError, ValueError) as error:
            raise self._no_cluster(error) from error

    def _require_room(self, ray: Any) -> None:
        """Refuses tasks that no node of the cluster can take: Ray would wait forever."""
        largest = max(node["Resources"].get("CPU", 0) for node in ray.nodes() if node["Alive"])
        if 0 < largest < self.cpus_per_worker:  # a cluster without any CPU has yet to start its workers
            raise InputError(
                f"expected --cpus_per_worker of at most {largest:g}, as a node has, received {self.cpus_per_worker}"
            )

    def _no_cluster(self, error: Exception) -> InputError:
        return InputError(
            f"expected a Ray cluster at --ray={self.address}, received: {_first_line(error)}; "
            "start one with ray start --head, or use --ray=local"
        )

    def _tasks(
        self, ray: Any, work: Work, packed: PackedModel, shards: Iterable[tuple[int, Examples]], total: int
    ) -> Outcomes:
        gpus = ray.cluster_resources().get("GPU", 0)
        task = ray.remote(_work_there).options(
            num_cpus=self.cpus_per_worker, num_gpus=min(gpus, 1), max_retries=_RETRIES
        )
        sent = ray.put(work), ray.put(packed)
        waiting = iter(shards)
        numbers: dict[Any, int] = {}
        with ProgressBar(total) as progress_bar:
            while True:
                room = self._places(ray) - len(numbers)
                for number, examples in itertools.islice(waiting, max(0, room)):
                    numbers[task.remote(*sent, self.cpus_per_worker, examples)] = number
                if not numbers:
                    return
                # With a timeout, as new workers may have joined.
                finished, _ = ray.wait(list(numbers), timeout=10)
                for reference in finished:
                    outcome = ray.get(reference)
                    yield numbers.pop(reference), outcome
                    progress_bar.add(len(outcome.result), int(outcome.result.success.sum()))
                    progress_bar.note(f"{self._workers(ray)} workers")

    def _places(self, ray: Any) -> int:
        """How many shards may be submitted to Ray at a time."""
        return self.workers if self.workers is not None and self.address != LOCAL else _AHEAD * self._workers(ray)

    def _workers(self, ray: Any) -> int:
        """How many shards the cluster can work on at once, at present."""
        resources = ray.cluster_resources()
        return max(1, int(resources.get("GPU", 0) or resources.get("CPU", 0) // self.cpus_per_worker))


def _work_there(work: Work, packed: PackedModel, threads: int, examples: Examples) -> Outcome:
    return work(_classifier(packed, threads), examples)


# The loaded networks by hash: a worker process runs many tasks.
_loaded: dict[str, Classifier] = {}


def _classifier(packed: PackedModel, threads: int) -> Classifier:
    if packed.sha256 not in _loaded:
        with contextlib.suppress(RuntimeError):  # too late to set if loading an earlier network failed halfway
            tf.config.threading.set_intra_op_parallelism_threads(threads)
            tf.config.threading.set_inter_op_parallelism_threads(1)
        _loaded[packed.sha256] = packed.unpack()
    return _loaded[packed.sha256]


def _failure(error: Exception) -> InputError:
    """A failure on a worker as an error of one line; an InputError keeps its message."""
    if isinstance(error, InputError):
        return InputError(str(error))
    return InputError(
        f"expected workers to attack every shard, received {type(error).__name__}: {_first_line(error)}; finished "
        "shards are kept: run the same command again to resume"
    )


def _first_line(error: Exception) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
