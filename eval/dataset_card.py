"""The card of a data set of adversarial examples: README.md, as data hubs show it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tf_strattack.programs.command_line import public_name

CARD = "README.md"
# Makes hubs and `datasets.load_dataset` take all files for one split, whatever words are in their names.
_FILES = """configs:
- config_name: default
  data_files:
  - split: train
    path: ["metadata.csv", "**/*.png"]
"""
_READ_PNG = (
    'Read it with `datasets.load_dataset("this folder", split="train")`; labels.csv has the same for `--dataset`.'
)
_READ_TFDS = 'Read it with `tfds.builder_from_directory("this folder").as_dataset(split="train")`.'
_FIELDS = """- `image`: the adversarial image
- `label`: the true class
- `target`: the class that was to be reached, -1 where the attack was untargeted
- `example_id`: names image and target
"""
_SHOWN = ("attack", "model", "dataset", "split", "targets", "seed", "image_dtype")


def card_of(facts: Mapping[str, Any], *, png: bool) -> str:
    """The text of the card.

    Args:
      facts: the configuration of the run; paths are shown by their last part.
      png: whether the data set is a folder of image files, else a TFDS directory.
    """
    known = {name: public_name(str(facts[name])) for name in _SHOWN if facts.get(name) is not None}
    attack, model, dataset = (known.get(name, f"an unknown {name}") for name in ("attack", "model", "dataset"))
    success = "those that fool it" if png else "`success` says which ones fool it"
    return "\n".join(
        [
            f"---\ntags:\n- adversarial-examples\n{_FILES if png else ''}---",
            f"# Adversarial examples by {attack}\n",
            f"Images of {dataset} that {model} classified correctly, perturbed by {attack}; {success}.\n",
            f"{_READ_PNG if png else _READ_TFDS}\n",
            "## Fields\n",
            _FIELDS,
            "## Made with\n",
            "\n".join(f"- {name}: {value}" for name, value in known.items()) + "\n",
        ]
    )
