"""`--nets`: the networks of the benchmark, each with its examples."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from tf_strattack import Classifier, InputError, shipped
from tf_strattack.checks import check_classes, check_targets
from tf_strattack.runtime.loading import load_or_explain
from tf_strattack.typing import Classes, Flags, Images, Places

from ..inputs.attacks import ATTACKS
from ..inputs.models import content_hash
from .structured.entries import hash_of

# The examples of a shipped network are so many correctly classified digits, each with all other classes as targets.
_DIGITS = 50
# Batch size for finding them; small, as the memory section compares with the memory after loading.
_FEW = 16
_EXAMPLES, _PEER = ("images", "labels", "targets"), "adv_"
# The nets of --cases_dir take inputs in [-0.5, 0.5].
_SHIFT = 0.5


class Net(NamedTuple):
    """A classifier, the file or name of its network, the hash of that network, and its example problem.

    The examples are images (N, H, W, C) in the classifier's scale, labels (N,) and targets (N,).
    The network takes images minus `shift`. `peers` holds the results of other programs by name:
    (N, H, W, C) as they returned it, not clipped, NaN for examples they were not run on. `options` are those of
    `Classifier.load`.
    """

    name: str
    path: Path
    sha256: str
    shift: float
    classifier: Classifier
    images: Images
    labels: Classes
    targets: Classes
    peers: Mapping[str, Images]
    options: Mapping[str, Any] = {}

    @property
    def identity(self) -> str:
        """The hash of the network, with what stands between images and class scores."""
        low, high = self.classifier.bounds
        shift = f", minus {self.shift:g}" if self.shift else ""
        options = "".join(f", {name}={value!r}" for name, value in sorted(self.options.items()))
        return f"{self.sha256}, images from {low:g} to {high:g}{shift}{options}"

    def facts(self) -> dict[str, Any]:
        """The network and its examples, for records; JSON values."""
        return {
            "name": self.name,
            "network": self.identity,
            "examples": {
                "images": [hash_of(image) for image in self.images],
                "labels": np.asarray(self.labels).tolist(),
                "targets": np.asarray(self.targets).tolist(),
            },
        }

    def examples(self, number: int) -> tuple[Images, Classes, Classes]:
        """The first `number` examples; they are repeated if there are fewer."""
        rows = np.arange(number) % len(self.images)
        return self.images[rows], self.labels[rows], self.targets[rows]

    def judged(self, returned: Images) -> tuple[Places, Images, Flags]:
        """Judges what a peer `returned` for the first examples: rows it ran on, their valid images, their success."""
        ran = np.flatnonzero(~np.isnan(returned).any(axis=(1, 2, 3)))
        valid = np.clip(returned[ran], *self.classifier.bounds).astype(np.float32)
        success = (
            self.classifier.fooled_by(valid, self.labels[ran], self.targets[ran]) if len(ran) else np.zeros(0, bool)
        )
        return ran, valid, success


class Cases(NamedTuple):
    """Examples and the results of other programs, as in `Net`."""

    images: Images
    labels: Classes
    targets: Classes
    peers: Mapping[str, Images]


def read_cases(path: Path, classifier: Classifier) -> Cases:
    """Reads `images` (N, H, W, C), `labels` (N,), `targets` (N,), and adv_NAME (N, H, W, C) for each other program.

    A program with the name of an attack here is called "NAME (peer)".

    Raises:
      InputError: no such file, an array that is missing or of another kind or shape, or examples that are none of the
        classifier.
    """

    def read() -> dict[str, npt.NDArray[np.generic]]:
        with np.load(path, allow_pickle=False) as file:
            wanted = [*_EXAMPLES, *(part for part in file.files if part.startswith(_PEER))]
            return {part: file[part] for part in wanted}

    arrays = load_or_explain(read, path, "an .npz file with images, labels and targets")
    shape = arrays["images"].shape
    for part, array in arrays.items():
        expected = shape[:1] if part in ("labels", "targets") else shape
        if array.shape != expected:
            raise InputError(f"expected {part} of {path} to have the shape {expected}, received {array.shape}")
        if part not in ("labels", "targets") and array.dtype.kind not in "fiu":
            raise InputError(f"expected numbers in {part} of {path}, received {array.dtype}")
    if not shape or not shape[0]:
        raise InputError(f"expected at least one example in {path}, received images of shape {shape}")
    images, labels, targets = (arrays.pop(part) for part in _EXAMPLES)
    images = classifier.prepare(images)
    try:
        labels = check_classes(labels, len(images), classifier.num_classes, "labels")
        targets = np.asarray(check_targets(targets, labels, classifier.num_classes))
    except InputError as error:
        raise InputError(f"{error} (in {path})") from error
    low, high = classifier.bounds
    for part, array in arrays.items():  # as returned, so that they may be a little outside
        farthest = np.nanmax(np.abs(array.astype(np.float32) - (low + high) / 2), initial=0.0)
        if farthest > 2 * (high - low):
            raise InputError(
                f"expected {part} of {path} in the scale of its images, from {low:g} to {high:g}, received values up "
                f"to {np.nanmax(np.abs(array)):g}"
            )
    peers = {_name_of_peer(part.removeprefix(_PEER)): array.astype(np.float32) for part, array in arrays.items()}
    return Cases(images, labels, targets, peers)


def _name_of_peer(name: str) -> str:
    """The name of a peer, which is none of an attack here, as rows of both stand in one table."""
    return f"{name} (peer)" if name.partition(",")[0] in ATTACKS else name


def _digits(name: str, cases_dir: Path | None) -> Net:
    """A shipped network of digits and the shipped sample."""
    classifier = shipped.load_classifier(name)
    images, labels, _ = shipped.load_sample()
    images, labels = images[: 2 * _DIGITS], labels[: 2 * _DIGITS]
    correct = np.flatnonzero(classifier.classify(images, batch_size=_FEW) == labels)[:_DIGITS]
    classes = np.arange(len(shipped.NETWORKS[name]), dtype=labels.dtype)
    targets = np.concatenate([np.delete(classes, label) for label in labels[correct]])
    rows = np.repeat(correct, len(classes) - 1)
    path = shipped.model_path(name)
    return Net(name, path, content_hash(path), 0.0, classifier, images[rows], labels[rows], targets, {})


def _cases(name: str, cases_dir: Path | None) -> Net:
    """The network NAME_net.keras of --cases_dir, which takes inputs in [-0.5, 0.5], and the examples NAME_cases.npz."""
    if cases_dir is None:
        raise InputError(f"expected --cases_dir with the net {name}_cases, received none")
    network = cases_dir / f"{name}_net.keras"
    classifier = Classifier.load(network, preprocessing=lambda images: images - _SHIFT)
    cases = read_cases(cases_dir / f"{name}_cases.npz", classifier)
    return Net(f"{name}_cases", network, content_hash(network), _SHIFT, classifier, *cases)


# Name → (maker, its argument, whether it needs --cases_dir). A new net is one line here.
NETS: dict[str, tuple[Callable[[str, Path | None], Net], str, bool]] = {
    "mnist_cnn": (_digits, "mnist_cnn", False),
    "mnist_cases": (_cases, "mnist", True),
    "cifar10_cases": (_cases, "cifar10", True),
}


def available(cases_dir: Path | None) -> list[str]:
    """The names of all nets that can be loaded; those of --cases_dir only if it is given."""
    return [name for name, (_, _, needs_cases) in NETS.items() if cases_dir is not None or not needs_cases]


def load_net(name: str, cases_dir: Path | None) -> Net:
    """Loads the net `name`.

    Raises:
      InputError: the net needs --cases_dir, or its files are missing.
    """
    make, argument, _ = NETS[name]
    return make(argument, cases_dir)


def load_nets(names: Sequence[str], cases_dir: Path | None) -> list[Net]:
    """Loads several nets."""
    return [load_net(name, cases_dir) for name in names]
