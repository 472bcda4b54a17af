"""The card of a data set of adversarial examples: README.md, as data hubs show it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tf_strattack.programs.command_line import public_name
from tf_strattack.programs.directories.layouts import CARD_MARK, is_card
from tf_strattack.runtime.files import write_text

# Without this, hubs and `datasets.load_dataset` would infer splits from words in file names.
_FILES = """configs:
- config_name: default
  data_files:
  - split: train
    path: ["metadata.csv", "**/*.png"]
"""
_READ_PNG = (
    'Read it with `datasets.load_dataset("this folder", split="train")`; `--dataset` reads the same from labels.csv.'
)
_READ_TFDS = 'Read it with `tfds.builder_from_directory("this folder").as_dataset(split="train")`.'
_FIELDS = """- `image`: the adversarial image
- `label`: the true class
- `target`: the target class, -1 if the attack was untargeted
- `example_id`: the names of image and target
"""
_SHOWN = ("attack", "model", "dataset", "split", "targets", "seed", "image_dtype")


def write_card(path: Path, text: str) -> None:
    """Writes a card, unless a file of the user's has its name."""
    if not is_theirs(path):
        write_text(path, text)


def is_theirs(path: Path) -> bool:
    """Whether a file or link that this program did not write has the name of the card."""
    return path.is_symlink() or (path.exists() and not is_card(path))


def card_of(facts: Mapping[str, Any], *, png: bool) -> str:
    """The text of the card.

    Args:
      facts: the configuration of the run; only the last part of paths is shown.
      png: whether the data set is a folder of image files instead of a TFDS directory.
    """
    known = {name: public_name(str(facts[name])) for name in _SHOWN if facts.get(name) is not None}
    attack, model, dataset = (known.get(name, f"an unknown {name}") for name in ("attack", "model", "dataset"))
    success = "All of them fool it" if png else "`success` says which of them fool it"
    return "\n".join(
        [
            f"---\ntags:\n- adversarial-examples\n{_FILES if png else ''}---",
            CARD_MARK,
            f"# Adversarial examples by {attack}\n",
            f"Images of {dataset} that {model} classified correctly, perturbed by {attack}. {success}.\n",
            f"{_READ_PNG if png else _READ_TFDS}\n",
            "## Fields\n",
            _FIELDS,
            "## Made with\n",
            "\n".join(f"- {name}: {value}" for name, value in known.items()) + "\n",
        ]
    )
