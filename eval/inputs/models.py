"""`--model`: a shipped network, one of Keras's applications, a `.keras` file or a SavedModel directory."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from tf_strattack import Classifier, InputError, shipped
from tf_strattack.programs.numbers import whole_number
from tf_strattack.runtime.files import sha256_of

from .applications import IMAGENET, find_application, imagenet_names, load_application

# The names in --model_options; --data_format is a flag of its own.
OPTIONS = ("signature", "output", "outputs")


class Model(NamedTuple):
    """A classifier, its name on the command line, a hash of its files, and its known class names by index."""

    classifier: Classifier
    name: str
    sha256: str
    class_names: Mapping[int, str]


def load_model(
    name: str,
    bounds: tuple[float, float],
    *,
    weights: str | None = None,
    seed: int = 0,
    options: Mapping[str, Any] | None = None,
) -> Model:
    """Loads the model `name` for images within `bounds`.

    Args:
      name: a shipped network, one of Keras's applications, a Keras file or a SavedModel directory.
      bounds: lowest and highest pixel value; [0, 1] for the first two kinds.
      weights, seed: for an application, see `load_application`; None for "imagenet".
      options: options of `Classifier.load` for the last two kinds, see `OPTIONS`.

    Raises:
      InputError: no such model, or a model that cannot be read.
    """
    path = Path(name)
    options = options or {}
    own_scale = name in shipped.NETWORKS or (not path.exists() and find_application(name) is not None)
    if own_scale and bounds != (0.0, 1.0):
        raise InputError(f"expected --bounds=0,1 with --model={name}, received {bounds[0]:g},{bounds[1]:g}")
    if own_scale and options:
        raise InputError(f"expected --{_flags_of(options)} with a model file or directory, received --model={name}")
    if own_scale and name not in shipped.NETWORKS:
        weights = IMAGENET if weights is None else weights
        classifier, digest = load_application(name, weights, seed)
        return Model(classifier, name, digest, imagenet_names() if weights == IMAGENET else {})
    if weights is not None:
        raise InputError(f"expected --weights with a network of keras.applications, received --model={name}")
    if name in shipped.NETWORKS:
        path = shipped.model_path(name)
        return Model(shipped.load_classifier(name), name, content_hash(path), dict(enumerate(shipped.NETWORKS[name])))
    if not path.exists():
        raise InputError(
            f"expected --model to be one of {', '.join(shipped.NETWORKS)}, a network of keras.applications such as "
            f"inception_v3, a Keras file or a SavedModel directory, received {name!r}, which does not exist"
        )
    return Model(Classifier.load(path, bounds=bounds, **options), name, content_hash(path), {})


def parse_options(assignments: Iterable[str]) -> dict[str, Any]:
    """The options of `Classifier.load` in "name=value" form; the index of an output is a number.

    Raises:
      InputError: another form, or an unknown option.
    """
    options: dict[str, Any] = {}
    for assignment in assignments:
        name, separator, value = assignment.partition("=")
        if not separator or name not in OPTIONS:
            raise InputError(
                f"expected --model_options=name=value,... with {', '.join(OPTIONS)}, received {assignment!r}"
            )
        number = whole_number(value) if name == "output" else None
        options[name] = value if number is None else number
    return options


def _flags_of(options: Mapping[str, Any]) -> str:
    return "model_options" if set(options) & set(OPTIONS) else "data_format"


def content_hash(path: Path) -> str:
    """The hash of a file, or of the names and contents of all files in a directory."""
    if not path.is_dir():
        return sha256_of(path)
    digest = hashlib.sha256()
    for file in sorted(file for file in path.rglob("*") if file.is_file()):
        digest.update(str(file.relative_to(path)).encode())
        digest.update(bytes.fromhex(sha256_of(file)))
    return digest.hexdigest()
