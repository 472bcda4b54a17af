"""Networks packed for workers, which need not have the network's files."""

from __future__ import annotations

import io
import tarfile
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from tf_strattack import Classifier, InputError, shipped

from ..inputs.applications import IMAGENET, NONE
from ..inputs.models import Model, load_model


class PackedModel(NamedTuple):
    """A network to send to a worker: the arguments of `load_model`, the network's files, and their hash."""

    name: str
    weights: str | None
    bounds: tuple[float, float]
    seed: int
    options: Mapping[str, Any]
    sha256: str
    files: dict[str, bytes]

    @classmethod
    def pack(
        cls, model: Model, weights: str | None, seed: int, options: Mapping[str, Any] | None = None
    ) -> PackedModel:
        """Packs `model`, which `load_model` made of its name and the others; shipped networks go by name."""
        # As `load_model` reads them: these are names even where a file or folder here has the same.
        read = [text for text in (model.name, weights) if text not in (None, IMAGENET, NONE, *shipped.NETWORKS)]
        paths = [str(text) for text in read if Path(str(text)).exists()]
        files = {text: _archive(Path(text)) for text in paths}
        return cls(model.name, weights, model.classifier.bounds, seed, options or {}, model.sha256, files)

    def unpack(self) -> Classifier:
        """Loads the network.

        Raises:
          InputError: the worker loads another network than the one that was packed.
        """
        with tempfile.TemporaryDirectory() as directory:
            places = {
                text: str(_extract(content, Path(directory) / str(place), Path(text).name))
                for place, (text, content) in enumerate(self.files.items())
            }
            name, weights = places.get(self.name, self.name), self.weights
            weights = places.get(weights or "", weights)
            model = load_model(name, self.bounds, weights=weights, seed=self.seed, options=self.options)
        if model.sha256 != self.sha256:
            raise InputError(f"expected the network {self.name} on every node, received another one of that name")
        return model.classifier


def _archive(path: Path) -> bytes:
    content = io.BytesIO()
    with tarfile.open(fileobj=content, mode="w") as archive:
        archive.add(path, arcname=path.name)
    return content.getvalue()


def _extract(content: bytes, directory: Path, name: str) -> Path:
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        archive.extractall(directory, filter="data")
    return directory / name
