"""metrics.sarif: the images for which the network was fooled, in SARIF 2.1.0, which code scanning reads."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from tf_strattack.runtime.files import write_json

from ..runs.store import Store
from ..tables.measures import numbered
from .places import ELSEWHERE, HERE, category_of, digest_of_image, location_of

SARIF = "metrics.sarif"
_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_PAPER = "https://arxiv.org/abs/1808.01664"
RULE = "adversarial-example"
# The name of a fingerprint has a version, by which readers see that two were computed alike. GitHub uses the second
# name alone, for which the line follows the hash.
FINGERPRINT, GITHUB_FINGERPRINT = "nameAndImage/v2", "primaryLocationLineHash"
# More results than code scanning shows.
_MOST = 5000
_DISTANCES = {"l0": "l0", "l1": "l1", "l2": "l2", "linf": "linf", "groups": "nonzero_groups"}


def write_sarif(path: Path, store: Store, metrics: Mapping[str, Any], class_names: Mapping[int, str]) -> None:
    """Writes a result for each image for which an example succeeded.

    Args:
      path: the file.
      store: the finished shards.
      metrics: the content of metrics.json.
      class_names: the known names of classes, by index.
    """
    fooled = list(_fooled(store, metrics))
    notes = list(metrics["notes"])
    if len(fooled) > _MOST:
        notes.append(f"the first {_MOST} of {len(fooled)} images are listed")
    run = {
        "tool": {"driver": _driver(metrics["versions"]["tf_strattack"])},
        "automationDetails": {"id": category_of(metrics)},
        "invocations": [
            {
                "executionSuccessful": True,
                "commandLine": metrics["command"],
                "endTimeUtc": metrics["finished_at"],
                "toolExecutionNotifications": [{"level": "note", "message": _message(note)} for note in notes],
            }
        ],
        "originalUriBaseIds": {
            HERE: {"description": {"text": "The directory in which the program ran."}},
            ELSEWHERE: {"description": {"text": "The folder that holds the data set."}},
        },
        "columnKind": "unicodeCodePoints",
        "results": [_result(image, metrics, class_names) for image in fooled[:_MOST]],
        "properties": {"metrics": {case: metrics[case] for case in ("best", "average", "worst", "all")}},
    }
    write_json(path, {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]})


def _driver(version: str) -> dict[str, Any]:
    rule = {
        "id": RULE,
        "name": "AdversarialExample",
        "shortDescription": {"text": "A small change of the image fools the network."},
        "fullDescription": {
            "text": "The attack has found an image close to this one to which the network gives another class, by the "
            "network's own output."
        },
        "help": {"text": "Train the network against such examples, or accept the risk; report.html shows the example."},
        "helpUri": _PAPER,
        "defaultConfiguration": {"level": "warning"},
        "properties": {"tags": ["robustness", "adversarial-example"]},
    }
    return {
        "name": "tf_strattack",
        "version": version,
        "semanticVersion": version,
        "informationUri": _PAPER,
        "rules": [rule],
    }


def _behind(metrics: Mapping[str, Any]) -> list[str]:
    """The random change of images before the network, if there is one."""
    return [",".join(metrics["transform"])] if metrics.get("transform") else []


def _fooled(store: Store, metrics: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """The images with a success, in order: the name, the classes, and the success with the least l2."""
    images: dict[str, dict[str, Any]] = {}
    for number, measured in enumerate(store.measures()):
        result = store.result(number)
        for row, name in enumerate(measured["image"]):
            image = images.setdefault(str(name), {"image": str(name), "tried": 0, "reached": 0, "l2": np.inf})
            image["tried"] += 1
            if not measured["success"][row]:
                continue
            image["reached"] += 1
            if measured["l2"][row] < image["l2"]:
                image["label"] = int(result.labels[row])
                image["target"] = None if result.targets is None else int(result.targets[row])
                image["digest"] = digest_of_image(
                    metrics["dataset"], image["image"], result.images[row], metrics["bounds"]
                )
                image |= {shown: float(measured[name][row]) for shown, name in _DISTANCES.items()}
    return (image for image in images.values() if image["reached"])


def _result(image: dict[str, Any], metrics: Mapping[str, Any], names: Mapping[int, str]) -> dict[str, Any]:
    def called(number: int) -> str:
        name = names.get(number, str(number))
        return name if name == str(number) else f"{number} ({name})"

    label, target = image["label"], image["target"]
    seen = f"another class than {called(label)}" if target is None else f"{called(target)} in place of {called(label)}"
    reached = "" if target is None else f"; it reaches {image['reached']} of {numbered(image['tried'], 'target')}"
    behind = "".join(f" behind {change}" for change in _behind(metrics))
    text = (
        f"{metrics['attack']} makes the network{behind} see {seen} in {image['image']} by a change of "
        f"{numbered(round(image['groups']), 'group')}, l2 {image['l2']:.4g}{reached}."
    )
    digest = hashlib.sha256("\n".join([RULE, image["image"], image["digest"]]).encode()).hexdigest()
    return {
        "ruleId": RULE,
        "ruleIndex": 0,
        "kind": "fail",
        "level": "warning",
        "message": _message(text),
        "locations": [location_of(metrics["dataset"], metrics["split"], image["image"])],
        "partialFingerprints": {FINGERPRINT: digest, GITHUB_FINGERPRINT: f"{digest[:16]}:1"},
        "properties": {name: value for name, value in image.items() if name not in ("image", "digest")},
    }


def _message(text: str) -> dict[str, str]:
    """A message with the characters of links and placeholders escaped (SARIF 2.1.0, 3.11.5 and 3.11.6)."""
    return {"text": re.sub(r"[{}]", r"\g<0>\g<0>", re.sub(r"[\\\[\]]", r"\\\g<0>", text))}
