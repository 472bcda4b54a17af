"""AttackResult: what every attack returns, and its file."""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from tf_strattack import presentation
from tf_strattack.errors import InputError
from tf_strattack.result_checks import check_result
from tf_strattack.runtime.files import replacing
from tf_strattack.runtime.loading import load_or_explain
from tf_strattack.typing import Classes, Images

if TYPE_CHECKING:
    import pandas

_NOT_ARRAYS = ("bounds", "interrupted", "attack", "calls")


@dataclasses.dataclass(frozen=True, eq=False)
class AttackResult:
    """The outcome of an attack on N examples. Images are float32 (N, H, W, C) in the classifier's scale.

    Attributes:
      images: the originals.
      adversarial: the adversarial images, within the bounds; the original if the attack failed.
      success: (N,) bool, from a fresh forward pass of `adversarial`, with the requested confidence.
      labels: (N,) int32 true classes.
      targets: (N,) int32 target classes, or None for an untargeted attack.
      clean_correct: (N,) bool, whether the network classifies the original correctly.
      c: (N,) float32 weight of the margin in the last step, or (with a search of c) of the best result; the size for
        FGM and IFGM.
      gradient_evaluations, forward_evaluations: (N,) int32; a gradient includes its forward pass.
      seconds: (N,) float32, each example's share of the time of its batch.
      bounds: (lower, upper) of valid pixels.
      interrupted: whether Ctrl-C ended the attack early.
      attack: its "name", its "parameters", its "goal" if that is more than to fool a classifier, and the "versions"
        that ran it.
      calls: {(kind, rows): number} of the network calls made, kind "gradient" or "forward", on batches of `rows` rows,
        padding included: the cost to compare the time of the attack with.
      example_ids: (N,) names of the examples if the caller has set them, else None.
      origin: (N,) how each success was found: "first run", from the original, "starting point", "restart" or
        "fallback", see `StrAttack`; empty if the attack failed, and after a separate refinement or quantization. None
        in files of earlier versions.
    """

    images: Images
    adversarial: Images
    success: npt.NDArray[np.bool_]
    labels: Classes
    targets: Classes | None
    clean_correct: npt.NDArray[np.bool_]
    c: npt.NDArray[np.float32]
    gradient_evaluations: npt.NDArray[np.int32]
    forward_evaluations: npt.NDArray[np.int32]
    seconds: npt.NDArray[np.float32]
    bounds: tuple[float, float]
    interrupted: bool = False
    attack: dict[str, Any] = dataclasses.field(default_factory=dict)
    calls: dict[tuple[str, int], int] = dataclasses.field(default_factory=dict)
    example_ids: npt.NDArray[np.str_] | None = None
    origin: npt.NDArray[np.str_] | None = None

    def __len__(self) -> int:
        """The number of examples."""
        return len(self.images)

    def __repr__(self) -> str:
        """Such as AttackResult(72 examples, 71 successful, 'strattack', targeted)."""
        return presentation.one_line(self)

    def _repr_html_(self) -> str:
        return presentation.html_table(self)

    # Not iterable on purpose: a loop would yield single examples. Index a result with a slice or a mask instead.
    __iter__ = None

    def __getitem__(self, rows: Any) -> AttackResult:
        """Some of the examples: `rows` is a slice, booleans (N,) or indices; `calls` stay those of the whole.

        Example:
          >>> import tf_strattack as sa
          >>> images, labels, _ = sa.shipped.load_sample()
          >>> result = sa.FGM()(sa.shipped.load_classifier(), images[:3], labels[:3])
          >>> len(result[1:]), len(result[result.success]) <= len(result)
          (2, True)

        Raises:
          InputError: anything else, including a single number, which would leave no batch.
        """
        try:
            places = np.arange(len(self))[rows]
        except IndexError as error:
            raise InputError(f"expected rows of {len(self)} examples, received {rows!r}: {error}") from None
        if np.ndim(places) != 1:
            raise InputError(f"expected a slice, booleans or indices of examples, received {rows!r}")
        fields = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        chosen = {n: value[places] for n, value in fields.items() if n not in _NOT_ARRAYS and value is not None}
        return dataclasses.replace(self, **chosen)

    @property
    def perturbation(self) -> Images:
        """`adversarial` - `images`, (N, H, W, C) in the classifier's scale."""
        return self.adversarial - self.images

    @property
    def delta(self) -> Images:
        """The perturbation in [0, 1] scale, the scale of all distances: (N, H, W, C)."""
        return self.perturbation / np.float32(self.bounds[1] - self.bounds[0])

    def summary(self) -> dict[str, int | float | None]:
        """The result in plain numbers, which `json.dumps` writes.

        Returns:
          "examples" and "successes", how many there are; "asr", their share in [0, 1]; "l0", "l1", "l2" and "linf", the
          mean distances of the successes in [0, 1] scale; "gradient_evaluations", "forward_evaluations" and "seconds",
          means over all examples. A mean over nothing is None.

        Example:
          >>> import tf_strattack as sa
          >>> images, labels, _ = sa.shipped.load_sample()
          >>> images, labels = images[labels != 3][:20], labels[labels != 3][:20]
          >>> result = sa.FGM()(sa.shipped.load_classifier(), images, labels, targets=3)
          >>> result
          AttackResult(20 examples, 10 successful, 'fgm', targeted)
          >>> result.summary()["asr"]
          0.5
        """
        return presentation.summarise(self)

    def to_pandas(self) -> pandas.DataFrame:
        """A data frame with one row per example, in order.

        Its columns are example_id (where there are ids), label, target (missing in an untargeted attack), success,
        clean_correct, the distances l0, l1, l2 and linf in [0, 1] scale (NaN where the attack failed), c,
        gradient_evaluations, forward_evaluations and seconds.

        Raises:
          ImportError: pandas is not installed: `pip install tf-strattack[pandas]`.

        Example:
          >>> import tf_strattack as sa
          >>> images, labels, _ = sa.shipped.load_sample()
          >>> sa.FGM()(sa.shipped.load_classifier(), images[:20], labels[:20]).to_pandas().shape
          (20, 12)
        """
        return presentation.data_frame(self)

    def save(self, path: str | Path, *, overwrite: bool = False) -> None:
        """Writes the whole result to the `.npz` file `path`, or nothing at all; `load` and numpy read it.

        Raises:
          InputError: another suffix, or a file that exists without `overwrite`.
        """
        path = Path(path)
        if path.suffix != ".npz":
            raise InputError(f"expected a path that ends in .npz, received {path}")
        if path.exists() and not overwrite:
            raise InputError(f"expected a new file, received {path}, which exists: pass overwrite=True")
        fields = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        facts = {name: fields.pop(name) for name in _NOT_ARRAYS}
        facts["calls"] = [[*key, number] for key, number in self.calls.items()]
        arrays = {name: value for name, value in fields.items() if value is not None}
        with replacing(path) as file:
            np.savez_compressed(file, facts=np.array(json.dumps(facts)), **arrays)

    @classmethod
    def load(cls, path: str | Path) -> AttackResult:
        """Reads a result that `save` wrote to `path`.

        Raises:
          InputError: a missing, corrupt or foreign file, or one whose arrays do not form a result.
        """

        def read() -> AttackResult:
            with np.load(path, allow_pickle=False) as file:
                arrays: dict[str, Any] = dict(file)
            facts = json.loads(str(arrays.pop("facts")))
            facts["bounds"] = tuple(facts["bounds"])
            facts["calls"] = {(kind, rows): number for kind, rows, number in facts["calls"]}
            result = cls(**{"targets": None, **arrays, **facts})
            check_result(result)
            return result

        result: AttackResult = load_or_explain(read, path, "an .npz file of an AttackResult")
        return result

    @classmethod
    def concatenate(cls, results: list[AttackResult]) -> AttackResult:
        """Joins `results` of the same attack on the same classifier, in order; counts and calls add up.

        Raises:
          InputError: no result.
        """
        if not results:
            raise InputError("expected at least one result, received none")
        first = results[0]
        joined: dict[str, Any] = {}
        for field in dataclasses.fields(cls):
            values = [getattr(result, field.name) for result in results]
            if field.name in _NOT_ARRAYS:
                joined[field.name] = any(values) if field.name == "interrupted" else values[0]
                if field.name == "calls":
                    joined[field.name] = dict(sum((Counter(value) for value in values), Counter()))
            else:
                joined[field.name] = None if getattr(first, field.name) is None else np.concatenate(values)
        return cls(**joined)
