"""Where the images of a data set are, as locations of SARIF; and what identifies an image and a run."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from tf_strattack.programs.command_line import public_name
from tf_strattack.typing import Images

# The directory in which the program ran, and the folder that holds the data set.
HERE, ELSEWHERE = "%SRCROOT%", "DATASET"
# A picture has no lines; GitHub requires some.
_REGION = {"startLine": 1, "startColumn": 1, "endLine": 1, "endColumn": 1}
# By what two runs with the same attack, network and data set differ. The content of files is not in it: alerts on
# a network that was trained again take the place of the alerts on the one before.
_SETTING = (
    *("attack_parameters", "weights", "labels", "bounds", "model_options", "split", "resize", "groups", "targets"),
    *("seed", "transform"),
)
_DIGITS = 8


def location_of(dataset: str, split: str | None, name: str) -> dict[str, Any]:
    """The image file, or the file that holds the image, or its place in the data set; and its name there.

    Args:
      dataset, split: as the flags have them.
      name: the name of the image in the data set.
    """
    home = _home(dataset)
    place = "/".join([public_name(dataset) if home is None else home.name, *([split] if split else []), name])
    artifact = (home and _artifact(home, name)) or {"uri": quote(place), "uriBaseId": ELSEWHERE}
    return {
        "physicalLocation": {"artifactLocation": artifact, "region": _REGION},
        "logicalLocations": [{"name": name, "fullyQualifiedName": place, "kind": "resource"}],
    }


def digest_of_image(dataset: str, name: str, image: Images) -> str:
    """A hash of the file of an image, or of its pixels `image` (H, W, C) where it has no file of its own."""
    home = _home(dataset)
    file = home and _file(home, name)
    return hashlib.sha256(file.read_bytes() if file and file != home else image.tobytes()).hexdigest()


def category_of(metrics: Mapping[str, Any]) -> str:
    """What identifies this run among those of a pipeline: attack, network, data set, and a hash of the other settings.

    Args:
      metrics: the content of metrics.json.
    """
    home = _home(metrics["dataset"])
    setting = {name: metrics.get(name) for name in _SETTING} | {"dataset": None if home is None else str(home)}
    digest = hashlib.sha256(json.dumps(setting, sort_keys=True).encode()).hexdigest()
    names = [metrics["attack"], public_name(metrics["model"]), home.name if home else metrics["dataset"]]
    return "/".join([*(quote(name, safe="") for name in names), digest[:_DIGITS], ""])


def _home(dataset: str) -> Path | None:
    """The folder or file of a data set, however it was written; None if it is no file (as in `read_dataset`)."""
    home = Path(os.path.abspath(dataset))
    return home if dataset != "sample" and (home.is_dir() or home.suffix.lower() == ".npz") else None


def _file(home: Path, name: str) -> Path | None:
    """The file of an image, or the file that holds all of them."""
    files = (Path(os.path.abspath(file)) for file in (home / name, home / "images" / name, home))
    return next(filter(Path.is_file, files), None)


def _artifact(home: Path, name: str) -> dict[str, str] | None:
    """Where the file of an image is: from the present directory if it is in there, else from the folder of `home`."""
    here, file = Path.cwd(), _file(home, name)
    if file is None:
        return None
    if file.is_relative_to(here):
        return {"uri": quote(file.relative_to(here).as_posix()), "uriBaseId": HERE}
    inside = file.is_relative_to(home.parent)
    return {"uri": quote(file.relative_to(home.parent).as_posix() if inside else file.name), "uriBaseId": ELSEWHERE}
