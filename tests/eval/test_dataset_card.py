"""The card of a data set names what made it, and nobody's folders."""

import pytest

from eval.runs.dataset_card import HUGGING_FACE, LICENSE, PNG, TFDS, card_of

FACTS = {
    "attack": "strattack",
    "model": "/home/someone/secret/net.keras",
    "dataset": "mnist",
    "split": "train",
    "targets": "random",
    "seed": 0,
}


@pytest.mark.parametrize("kind", [PNG, HUGGING_FACE, TFDS], ids=["png", "parquet", "tfds"])
def test_it_says_what_the_data_are_and_how_to_read_them(kind):
    text = card_of(FACTS, kind)
    assert text.startswith("---\ntags:\n")
    assert "secret" not in text
    for shown in ("net.keras", "mnist", "- targets: random", "- seed: 0", "`target`: the target class"):
        assert shown in text
    assert ("datasets.load_dataset" in text) == (kind is not TFDS)
    assert ("tfds.builder_from_directory" in text) == (kind is TFDS)
    assert ("metadata.csv" in text) == (kind is PNG)
    assert ('["train-*.parquet"]' in text) == (kind is HUGGING_FACE)
    assert ("`original`" in text) == (kind is not PNG)
    assert "license" not in text


@pytest.mark.parametrize(
    ("given", "shown"),
    [
        ("CC-BY-4.0", 'license: "cc-by-4.0"\n'),
        ("https://example.org/terms", 'license: other\nlicense_link: "https://example.org/terms"\n'),
    ],
)
def test_it_names_the_license_that_is_given(given, shown):
    assert shown in card_of({**FACTS, LICENSE: given}, HUGGING_FACE).partition("\n---\n")[0] + "\n"
