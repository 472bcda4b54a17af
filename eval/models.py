"""`--model`: a shipped network, a `.keras` file or a SavedModel directory."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import NamedTuple

from tf_strattack import Classifier, InputError, shipped


class Model(NamedTuple):
    """A classifier, the name it was asked for by, a hash of its files, and its class names where known."""

    classifier: Classifier
    name: str
    sha256: str
    class_names: tuple[str, ...] | None


def load_model(name: str, bounds: tuple[float, float]) -> Model:
    """Loads the model `name` for images within `bounds`.

    Raises:
      InputError: neither a shipped network nor a readable model.
    """
    if name in shipped.NETWORKS:
        if bounds != (0.0, 1.0):
            raise InputError(f"expected --bounds=0,1 with --model={name}, received {bounds[0]:g},{bounds[1]:g}")
        path = shipped.model_path(name)
        return Model(shipped.load_classifier(name), name, _sha256(path), shipped.NETWORKS[name])
    path = Path(name)
    if not path.exists():
        raise InputError(
            f"expected --model to be one of {', '.join(shipped.NETWORKS)}, a .keras file or a SavedModel directory, "
            f"received {name!r}, which does not exist"
        )
    return Model(Classifier.load(path, bounds=bounds), name, _sha256(path), None)


def _sha256(path: Path) -> str:
    """The hash of a file, or of the names and contents of all files below a directory."""
    digest = hashlib.sha256()
    files = sorted(file for file in path.rglob("*") if file.is_file()) if path.is_dir() else [path]
    for file in files:
        if path.is_dir():
            digest.update(str(file.relative_to(path)).encode())
        with file.open("rb") as stream:
            digest.update(hashlib.file_digest(stream, "sha256").digest())
    return digest.hexdigest()
