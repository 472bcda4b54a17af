"""Where the images of a data set are, as locations of SARIF; and what identifies an image and a run."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any
from urllib.parse import quote

from tf_strattack.images import to_uint8
from tf_strattack.programs.command_line import public_name
from tf_strattack.typing import Images

# The directory in which the program ran, and the folder that holds the data set.
HERE, ELSEWHERE = "%SRCROOT%", "DATASET"
# A picture has no lines; GitHub requires some.
_REGION = {"startLine": 1, "startColumn": 1, "endLine": 1, "endColumn": 1}
# By what two runs with the same attack, network and data set differ. The content of files is not in it: alerts on
# a network that was trained again take the place of the alerts on the one before.
_SETTING = (
    *("attack_parameters", "labels", "bounds", "model_options", "split", "resize", "groups", "targets"),
    *("seed", "transform", "image_dtype"),
)
# Names or paths of files.
_PATHS = ("model", "weights", "dataset")
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


def digest_of_image(dataset: str, name: str, image: Images, bounds: Sequence[float]) -> str:
    """A hash of the file of an image, or where it has no file of its own, of `image` (H, W, C) in 8 bits."""
    home = _home(dataset)
    file = home and _file(home, name)
    content = file.read_bytes() if file and file != home else to_uint8(image, bounds).tobytes()
    return hashlib.sha256(content).hexdigest()


def category_of(metrics: Mapping[str, Any]) -> str:
    """What identifies this run among those of a pipeline: attack, network, data set, and a hash of the other settings.

    Args:
      metrics: the content of metrics.json.
    """
    setting = {name: metrics.get(name) for name in _SETTING} | {name: _written(metrics.get(name)) for name in _PATHS}
    digest = hashlib.sha256(json.dumps(setting, sort_keys=True).encode()).hexdigest()
    home = _home(metrics["dataset"])
    names = [metrics["attack"], Path(metrics["model"]).name, home.name if home else metrics["dataset"]]
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
    file = _file(home, name)
    if file is None:
        return None
    inside = _from_here(file)
    if inside is not None:
        return {"uri": quote(inside.as_posix()), "uriBaseId": HERE}
    near = file.is_relative_to(home.parent)
    return {"uri": quote(file.relative_to(home.parent).as_posix() if near else file.name), "uriBaseId": ELSEWHERE}


def _from_here(path: Path) -> Path | None:
    """An absolute path as seen from the present directory if it is in there, by its names or by where links lead."""
    here = Path.cwd()
    ways = (path, path.parent.resolve() / path.name)
    return next((way.relative_to(here) for way in ways if way.is_relative_to(here)), None)


def _written(name: str | None) -> str | None:
    """A file or folder in one way, however it was written, and the same in every checkout; other names as they are."""
    if name is None or not Path(name).exists():
        return name
    path = Path(os.path.abspath(name))
    return (_from_here(path) or path).as_posix()
