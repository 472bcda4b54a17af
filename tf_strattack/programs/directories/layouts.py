"""The names of all files that each program writes into its directory: nothing else is ever removed there."""

from __future__ import annotations

import dataclasses
import json
import re
import shlex
from collections.abc import Callable, Mapping
from pathlib import Path

from tf_strattack.runtime.files import same_content

# The suffix of a file while it is written: its writer, and a unique mark.
_PARTIAL = r"(\.[\w-]+)*\.partial"
_NOTHING = r"(?!)"
# A trained network before it is moved to its final place.
FINISHED = "finished.keras"
# The card of a data set. Others use the name too, so ours has a mark.
CARD = "README.md"
CARD_MARK = "<!-- Written by tf_strattack, and again where it is damaged: delete this line to keep changes. -->"


@dataclasses.dataclass(frozen=True)
class Folder:
    """The names of our files in a folder, as regular expressions.

    Attributes:
      files: names of files, followed by `_PARTIAL` while they are written.
      folders: names of folders → their content.
      runs: names of folders that a program claims for itself.
      given: names of folders in which a user may place files before the first run.
      wrote: whether we wrote a file, if its name alone does not show it.
    """

    files: str = _NOTHING
    folders: Mapping[str, Folder] = dataclasses.field(default_factory=dict)
    runs: str = _NOTHING
    given: str = _NOTHING
    wrote: Callable[[Path], bool] = lambda path: True

    def file(self, name: str) -> bool:
        """Whether a file of ours, complete or not, can have the name."""
        return re.fullmatch(f"({self.files})({_PARTIAL})?", name) is not None

    def partial(self, name: str) -> bool:
        """Whether an incomplete file of ours can have the name."""
        return re.fullmatch(f"({self.files}){_PARTIAL}", name) is not None

    def folder(self, name: str) -> Folder | None:
        """The content of a folder with the name; None if it is not ours."""
        return next((folder for names, folder in self.folders.items() if re.fullmatch(names, name)), None)

    def run(self, name: str) -> bool:
        """Whether a folder of the name is claimed by a program for itself."""
        return re.fullmatch(self.runs, name) is not None

    def takes(self, path: Path) -> bool:
        """Whether `path` may be there before the first run."""
        return re.fullmatch(self.given, path.name) is not None and path.is_dir() and not path.is_symlink()

    def names(self, name: str) -> bool:
        """Whether anything of ours can have the name."""
        return self.file(name) or self.folder(name) is not None or self.run(name)

    def owns(self, path: Path) -> bool:
        """Whether `path` is ours by its name and its kind; a link counts by its name alone."""
        if path.is_symlink():
            return self.names(path.name) and path.name != CARD
        if path.is_dir():
            return self.folder(path.name) is not None or self.run(path.name)
        return self.file(path.name) and self.wrote(path)


def is_card(path: Path) -> bool:
    """Whether a README.md is a card that these programs have written."""
    try:
        return not path.is_symlink() and CARD_MARK in path.read_text(encoding="utf-8")
    except (OSError, ValueError):
        return False


def _other_than_their_card(path: Path) -> bool:
    return path.name != CARD or is_card(path)


def _trained_there(path: Path) -> bool:
    """Whether a network, or its card, was trained in its present folder, as the card says.

    Users may copy networks that were trained elsewhere into the folder. Those are not ours.
    """
    if path.suffix not in (".keras", ".json"):  # a file that was being written
        return True
    try:
        command = json.loads(path.with_suffix(".json").read_bytes())["command"]
        given = [text.partition("=")[2] for text in shlex.split(command) if text.startswith("--output=")]
    except FileNotFoundError:  # a training was stopped between its two files
        return same_content(path.with_suffix(".training") / FINISHED, path)
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return False
    return bool(given) and Path(given[-1]).parts[-2:] == path.with_suffix(".keras").parts[-2:]


# The families of attacks, each with its variants.
_ATTACK = r"(?:strattack|cw|ead|fgm|ifgm|pgd|sigma_zero|admm)(?:_[a-z0-9]+)*"
_NUMBER = r"[\d.e+-]+"
_NET = rf"standard|pgd|noise|ensemble|adversarial_({_ATTACK})|distilled_{_NUMBER}"
_ATTACKED_NET = f"{_NET}|smoothing"
_RUNS = {"attacks": Folder(runs=rf"({_ATTACK})(_tau_{_NUMBER}|_unrefined)?")}
_PICTURES = r"\.(png|pdf)"

DATASET = Folder(
    r"adversarial_examples-train\.tfrecord-\d{5,}-of-\d{5,}|dataset_info\.json|features\.json|metadata\.json|README\.md",
    wrote=_other_than_their_card,
)
PARQUET = Folder(r"train-\d{5,}-of-\d{5,}\.parquet|croissant\.json|README\.md", wrote=_other_than_their_card)
ENTRIES = Folder(r"\d{5,}\.json")
# The records of studies for each row, and for each claim.
ROWS = Folder(rf"({_ATTACK}(_tau_{_NUMBER}|_unrefined)?|none|pgd|noise|smoothing|ensemble|T={_NUMBER}|claim_\w+)\.json")
PNG_FILES = Folder(r".+(_to_\d+|_untargeted)(~\d+)?\.png")
_BACKUP = Folder(r"(latest|partial)\.weights\.h5")

_RUN = Folder(
    r"plan\.npz|manifest\.json|metrics\.json|metrics\.sarif|examples\.png|report\.html|groups\.npz",
    {"dataset": DATASET, "shards": ENTRIES},
)
_STUDY = r"manifest\.json|report\.html"
# Program → its files. Names of other versions stay here, as their directories can be overwritten too.
LAYOUTS = {
    "eval.attack": _RUN,
    "eval.imagenet": _RUN,
    "eval.generate": dataclasses.replace(_RUN, folders={**_RUN.folders, "parquet": PARQUET}),
    "eval.generate --png_dir": Folder(
        r"(labels|metadata)\.csv|croissant\.json|README\.md",
        {rf"\d{{5,}}({_PARTIAL})?": PNG_FILES},
        wrote=_other_than_their_card,
    ),
    "eval.table1": Folder(
        rf"table1\.(md|csv|json|png)|heat_maps{_PICTURES}|{_STUDY}", {**_RUNS, "rows": ROWS}, given="attacks"
    ),
    "eval.interpretability": Folder(
        rf"interpretability\.(md|csv|json)|(scores|overlays|heat_maps){_PICTURES}|{_STUDY}",
        {**_RUNS, "rows": ROWS},
        given="attacks",
    ),
    "eval.defenses": Folder(
        rf"defenses\.(md|csv|json)|{_STUDY}",
        {
            "rows": ROWS,
            "nets": Folder(rf"({_NET})\.(keras|json)", runs=rf"({_NET})\.training", wrote=_trained_there),
            "adversarial": Folder(runs=_ATTACK),
            "attacks": Folder(runs=_ATTACKED_NET),
            "pgd": Folder(runs=_ATTACKED_NET),
        },
        given="nets",
    ),
    "eval.benchmark": Folder(
        r"benchmark\.(json|png)|report\.html",
        {"structured": Folder(rf"\w+-({_ATTACK})-(\d+|whole)\.npz")},
    ),
    "eval.acceptance": Folder(r"acceptance\.json"),
    "training.train": Folder(
        r"(teacher|member_\d+|partial|finished)\.keras", {r"network|teacher|student|member_\d+": _BACKUP}
    ),
}
