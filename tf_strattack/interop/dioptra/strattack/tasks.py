"""Tasks of Dioptra: the structured attack on a data set, and measures of adversarial images."""

from __future__ import annotations

import os
from typing import Any, TypeAlias

import keras
import pandas as pd
import structlog
from dioptra import pyplugs
from dioptra.sdk.utilities.auth_client import get_authenticated_worker_client

from tf_strattack.interop.dioptra import attack_dataset, measure_datasets

# A tf.data.Dataset of pairs (images, labels), or OPTIC's Dataset: a dataclass with one as `data`, and `meta`.
Dataset: TypeAlias = Any

LOGGER = structlog.get_logger()


@pyplugs.register  # type: ignore[untyped-decorator, unused-ignore]
def structured_attack(
    model: keras.Model,
    dataset: Dataset,
    target: int | str | None = None,
    groups: int | str | dict[str, Any] | None = None,
    parameters: dict[str, Any] | None = None,
    bounds: tuple[float, float] | None = None,
    target_seed: int = 0,
    batch_size: int | None = None,
) -> Dataset:
    """Generates adversarial images that differ from the originals in few groups of pixels.

    This is StrAttack (arXiv 1808.01664). All images are attacked at once and held in memory, so batches do not matter.
    An image for which no adversarial one is found stays as it is, and the log says how many there are and which. Images
    of the class to reach are not attacked.

    Args:
        model: the classifier to attack.
        dataset: the images, with labels that are class numbers or one-hot.
        target: the class to reach, "random" or "least_likely"; None for an untargeted attack.
        groups: which pixels belong together: the side of squares, "rows", "columns", "channels", or a mapping such as
            {"name": "squares", "size": 3, "stride": 2} or {"name": "superpixels", "segments": 64}; None for squares
            of 2 x 2 pixels.
        parameters: other hyper-parameters of `tf_strattack.StrAttack` by name.
        bounds: the range of pixels; None for that of the data set's metadata, or [0, 1] without any.
        target_seed: the seed of random targets.
        batch_size: examples at a time; None chooses by the size of an image.

    Returns:
        The data set with adversarial images, in the same order and with the same labels.
    """
    attacked = attack_dataset(
        model,
        dataset,
        target,
        groups=groups,
        parameters=parameters,
        bounds=bounds,
        target_seed=target_seed,
        batch_size=batch_size,
    )
    result, rows = attacked.result, attacked.rows
    log = LOGGER.bind(task="structured_attack")
    log.info("attack complete", attacked=len(rows), successes=int(result.success.sum()), attack=result.attack)
    if not result.success.all():
        failed = rows[~result.success].tolist()
        log.warning("images without an adversarial one stay as they are", number=len(failed), images=failed)
    return attacked.dataset


@pyplugs.register  # type: ignore[untyped-decorator, unused-ignore]
def structured_metrics(
    model: keras.Model,
    dataset: Dataset,
    adversarial_dataset: Dataset,
    target: int | str | None = None,
    groups: int | str | dict[str, Any] | None = None,
    bounds: tuple[float, float] | None = None,
    target_seed: int = 0,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Measures adversarial images, whichever attack made them, and registers the means as metrics of the job.

    Args:
        model: the classifier that decides about success.
        dataset: the originals.
        adversarial_dataset: the adversarial images, in the same order.
        target: as it was passed to the attack.
        groups: the groups to count, as in `structured_attack`.
        bounds: the range of pixels, as in `structured_attack`.
        target_seed: the seed that was passed to the attack.

    Returns:
        A row of success rate, accuracies and mean distances in [0, 1] scale, and a table with a row for each attacked
        image: whether it succeeded, and its distances.
    """
    measured, outcomes = measure_datasets(
        model, dataset, adversarial_dataset, target, groups=groups, bounds=bounds, target_seed=target_seed
    )
    LOGGER.info("metrics", task="structured_metrics", metrics=measured)
    _register(measured)
    return pd.DataFrame([measured]), outcomes


def _register(measured: dict[str, float]) -> None:
    """Adds metrics to the job that runs this; there is none in a run without Dioptra's server."""
    job = os.environ.get("__JOB_ID")
    if job is None:
        return
    try:
        client = get_authenticated_worker_client(LOGGER, "json")
        for name, value in measured.items():
            if value == value:  # NaN is no number for the server
                client.jobs.append_metric_by_id(job_id=job, metric_name=name, metric_value=value)
    except Exception as failure:  # the server: the results of hours of attack are worth more than its table
        LOGGER.warning("metrics not registered", task="structured_metrics", reason=str(failure))
