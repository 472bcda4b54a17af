"""The card of a data set names what made it, and nobody's folders."""

import pytest

from eval.runs.dataset_card import card_of

FACTS = {
    "attack": "strattack",
    "model": "/home/someone/secret/net.keras",
    "dataset": "mnist",
    "split": "train",
    "targets": "random",
    "seed": 0,
}


@pytest.mark.parametrize("png", [True, False])
def test_it_says_what_the_data_are_and_how_to_read_them(png):
    text = card_of(FACTS, png=png)
    assert text.startswith("---\ntags:\n")
    assert "secret" not in text
    for shown in ("net.keras", "mnist", "- targets: random", "- seed: 0", "`target`: the target class"):
        assert shown in text
    assert ("datasets.load_dataset" in text) == png
    assert ("tfds.builder_from_directory" in text) != png
    assert ("metadata.csv" in text) == png
