"""Reads a generation anew: checksums, and whether every example still does what it is said to do."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from tf_strattack import Classifier, InputError
from tf_strattack.images import from_uint8

from .tfds_directory import UNTARGETED
from .store import MANIFEST, Store


def verify(store: Store, classifier: Classifier, confidence: float, exported: Iterable[tuple[str, str]] = ()) -> str:
    """Checks every shard of a finished generation; returns what was found, in a line.

    Args:
      store: its shards.
      classifier, confidence: what examples of `success` fool, and by how much.
      exported: what is wrong with files that were made of the shards: names, and reasons. Looked at if shards are fine.

    Raises:
      InputError: a shard that is missing or damaged, or an example that the network classifies otherwise than its
        `success` tells; after every one has been printed.
    """
    wrong: list[str] = []
    reason = store.manifest_damage()
    if reason:
        wrong.append(report(MANIFEST, reason))
    elif not store.assembled():
        wrong.append(report(MANIFEST, "the shards have not been joined to a data set"))
    examples = successes = 0
    for number in tqdm(range(store.plan.num_shards), unit="shard", desc="verified"):
        reason = "it is missing" if store.missing(number) else store.damage(number)
        if reason is None:
            rows = list(store.rows(number))
            success = np.array([row["success"] for row in rows])
            other = fooled(classifier, stored_images(rows, classifier), rows, confidence) != success
            examples, successes = examples + len(rows), successes + int(success.sum())
            if other.any():
                reason = (
                    f"{other.sum()} of {len(rows)} examples are classified otherwise: {_first(rows, other)}; delete it"
                )
        if reason:
            wrong.append(report(store.path(number).name, reason))
    if not wrong:
        wrong = [report(name, reason) for name, reason in exported]
    if wrong:
        raise InputError(
            f"expected a manifest, {store.plan.num_shards} shards and what was made of them as they were written, "
            f"received {len(wrong)} damaged or missing, listed above: the command without --verify makes the damaged "
            "ones again"
        )
    return (
        f"{store.plan.num_shards} shards have their checksums; {examples} examples, of which {successes} fool the "
        "network as they are said to"
    )


def report(name: str, reason: str) -> str:
    """Prints what is wrong with a file; returns its name."""
    tqdm.write(f"{name}: {reason}")
    return name


def fooled(
    classifier: Classifier, images: npt.NDArray[np.float32], rows: list[dict[str, Any]], confidence: float
) -> npt.NDArray[np.bool_]:
    """Tells which images fool the network, each towards its row's target or away from its label, with `confidence`."""
    labels = np.array([row["label"] for row in rows], np.int32)
    targets = np.array([row["target"] for row in rows], np.int32)
    wanted = None if (targets == UNTARGETED).all() else targets
    return classifier.fooled_by(images, labels, wanted, confidence=confidence)


def stored_images(
    rows: list[dict[str, Any]], classifier: Classifier, feature: str = "image"
) -> npt.NDArray[np.float32]:
    """The adversarial images, or the "original" ones, of stored examples in the classifier's scale."""
    images = np.stack([row[feature] for row in rows])
    return from_uint8(images, classifier.bounds) if images.dtype == np.uint8 else images


def _first(rows: list[dict[str, Any]], chosen: npt.NDArray[np.bool_]) -> str:
    return str(rows[int(chosen.argmax())]["example_id"].decode()) + (", ..." if chosen.sum() > 1 else "")
