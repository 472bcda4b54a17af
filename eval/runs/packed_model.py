"""Networks packed for workers, which need not have the network's files."""

from __future__ import annotations

import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from tf_strattack import Classifier, InputError, shipped

from ..inputs.applications import IMAGENET, NONE
from ..inputs.models import Model, load_model


class PackedModel(NamedTuple):
    """A network to send to a worker: the arguments of `load_model`, the hash of the network, and its files.

    `files` has the content of each file by the argument that names it, and by the path from there; "." is the
    argument's own file.
    """

    name: str
    weights: str | None
    bounds: tuple[float, float]
    seed: int
    options: Mapping[str, Any]
    sha256: str
    files: dict[str, dict[str, bytes]]

    @classmethod
    def pack(
        cls, model: Model, weights: str | None, seed: int, options: Mapping[str, Any] | None = None
    ) -> PackedModel:
        """Packs `model`, which `load_model` made of its name and the others; shipped networks go by name."""
        # As `load_model` reads them: these are names even where a file or folder here has the same.
        read = [text for text in (model.name, weights) if text not in (None, IMAGENET, NONE, *shipped.NETWORKS)]
        paths = [str(text) for text in read if Path(str(text)).exists()]
        files = {text: _read(Path(text)) for text in paths}
        return cls(model.name, weights, model.classifier.bounds, seed, options or {}, model.sha256, files)

    def unpack(self) -> Classifier:
        """Loads the network.

        Raises:
          InputError: the worker loads another network than the one that was packed.
        """
        with tempfile.TemporaryDirectory() as directory:
            places = {
                text: str(_write(content, Path(directory) / str(place) / Path(text).name))
                for place, (text, content) in enumerate(self.files.items())
            }
            name, weights = places.get(self.name, self.name), self.weights
            weights = places.get(weights or "", weights)
            model = load_model(name, self.bounds, weights=weights, seed=self.seed, options=self.options)
        if model.sha256 != self.sha256:
            raise InputError(f"expected the network {self.name} on every node, received another one of that name")
        return model.classifier


def _read(path: Path) -> dict[str, bytes]:
    files = [path] if path.is_file() else [file for file in sorted(path.rglob("*")) if file.is_file()]
    return {str(file.relative_to(path)): file.read_bytes() for file in files}


def _write(files: Mapping[str, bytes], path: Path) -> Path:
    for name, content in files.items():
        (path / name).parent.mkdir(parents=True, exist_ok=True)
        (path / name).write_bytes(content)
    return path
