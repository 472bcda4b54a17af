"""The card of a data set of adversarial examples: README.md, as data hubs show it."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from tf_strattack.programs.command_line import public_name
from tf_strattack.programs.directories.layouts import CARD_MARK, is_card
from tf_strattack.runtime.files import write_text


class Kind(NamedTuple):
    """What a card says about the files that it describes.

    Attributes:
      paths: the files of the data set, for hubs; they would infer splits from words in file names. None for no hub.
      success: which examples fool the network.
      reading: how to read them.
      fields: what an example has in addition to those of all kinds.
    """

    paths: list[str] | None
    success: str
    reading: str
    fields: str


_MARKED = "`success` says which of them fool it"
_STORED = """- `original`: the image before the attack
- `success`: whether the network is fooled
- `l0`, `l1`, `l2`, `linf`: distances from the original, of pixels in [0, 1]
"""
_LOAD = 'Read it with `datasets.load_dataset("this folder", split="train")`'
TFDS = Kind(
    None, _MARKED, 'Read it with `tfds.builder_from_directory("this folder").as_dataset(split="train")`.', _STORED
)
HUGGING_FACE = Kind(
    ["train-*.parquet"], _MARKED, f"{_LOAD}; `croissant.json` describes it for other programs.", _STORED
)
PNG = Kind(
    ["metadata.csv", "**/*.png"],
    "All of them fool it",
    f"{_LOAD}; `--dataset` reads the same from labels.csv, `croissant.json` describes it for other programs.",
    "",
)
_FIELDS = """- `image`: the adversarial image
- `label`: the true class
- `target`: the target class, -1 if the attack was untargeted
- `example_id`: the names of image and target
"""
_SHOWN = ("attack", "model", "transform", "dataset", "split", "targets", "seed", "image_dtype")
# The name of the entry of facts that --dataset_license sets.
LICENSE = "dataset_license"


def write_card(path: Path, text: str) -> None:
    """Writes a card, unless a file of the user's has its name."""
    if not is_theirs(path):
        write_text(path, text)


def is_theirs(path: Path) -> bool:
    """Whether a file or link that this program did not write has the name of the card."""
    return path.is_symlink() or (path.exists() and not is_card(path))


def shown_facts(facts: Mapping[str, Any]) -> dict[str, str]:
    """The facts about a run that are for everyone to read: of paths only the last part."""
    return {name: public_name(str(facts[name])) for name in _SHOWN if facts.get(name) is not None}


def sentence_of(facts: Mapping[str, Any], kind: Kind) -> str:
    """What the data set is, in words."""
    known = shown_facts(facts)
    attack, model, dataset = (known.get(name, f"an unknown {name}") for name in ("attack", "model", "dataset"))
    return f"Images of {dataset} that {model} classified correctly, perturbed by {attack}. {kind.success}."


def card_of(facts: Mapping[str, Any], kind: Kind) -> str:
    """The text of the card.

    Args:
      facts: the configuration of the run.
      kind: which files it describes.
    """
    known = shown_facts(facts)
    return "\n".join(
        [
            f"---\ntags:\n- adversarial-examples\n{_license(facts)}{_configs(kind)}---",
            CARD_MARK,
            f"# Adversarial examples by {known.get('attack', 'an unknown attack')}\n",
            f"{sentence_of(facts, kind)}\n",
            f"{kind.reading}\n",
            "## Fields\n",
            _FIELDS + kind.fields,
            "## Made with\n",
            "\n".join(f"- {name}: {value}" for name, value in known.items()) + "\n",
        ]
    )


def _license(facts: Mapping[str, Any]) -> str:
    """The license in the words of hubs: an identifier in small letters, or the address of a text."""
    given = facts.get(LICENSE)
    if not given:
        return ""
    if "://" in given:
        return f"license: other\nlicense_link: {json.dumps(given)}\n"
    return f"license: {json.dumps(given.lower())}\n"


def _configs(kind: Kind) -> str:
    if kind.paths is None:
        return ""
    files = f"  data_files:\n  - split: train\n    path: {json.dumps(kind.paths)}\n"
    return f"configs:\n- config_name: default\n{files}"
