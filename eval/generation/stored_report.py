"""The report of a generation, from the shards as they are stored."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from tf_strattack import Classifier

from ..pipeline import Setting
from ..report.building import write_run_report
from ..report.examples import Batch
from ..runs.records import images_named_in
from ..runs.store import Store
from ..runs.tfds_directory import UNTARGETED
from ..runs.verification import stored_images


def write_stored_report(store: Store, setting: Setting, metrics: Mapping[str, Any], summary: str) -> None:
    """Writes report.html; `metrics` as in metrics.json."""
    classifier = setting.model.classifier
    batches = (_batch(list(store.rows(number)), classifier) for number in range(store.plan.num_shards))
    write_run_report(store.directory, metrics, batches, setting.class_names(), summary)


def _batch(rows: list[dict[str, Any]], classifier: Classifier) -> Batch:
    low, high = (np.float32(bound) for bound in classifier.bounds)
    originals, adversarial = (stored_images(rows, classifier, feature) for feature in ("original", "image"))
    targets = np.array([row["target"] for row in rows])
    ids = np.array([row["example_id"].decode() for row in rows])
    return Batch(
        (originals - low) / (high - low),
        (adversarial - originals) / (high - low),
        np.array([row["label"] for row in rows]),
        targets,
        np.array([row["success"] for row in rows]),
        images_named_in(ids, untargeted=bool(targets[0] == UNTARGETED)),
    )
