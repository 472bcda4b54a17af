"""The examples of the README and of two documents run as they are printed."""

import re

import art.attacks  # noqa: F401 - where a test imports it first, ART logs to that test's stderr for ever
import keras
import numpy as np
import pytest

import tf_strattack as sa
from tests.documents import examples_in
from tests.programs import ROOT

EXAMPLES = examples_in("README.md")


def run(example, **names):
    exec(compile(example, "README.md", "exec"), names)
    return names


def test_the_first_example_runs(capsys):
    names = run(EXAMPLES[0])
    assert names["result"].success.all()
    assert "successful" in capsys.readouterr().out


def test_a_saved_model_is_attacked_in_five_lines(tmp_path, capsys):
    example = EXAMPLES[1]
    assert len([line for line in example.splitlines() if line]) == 5
    model = keras.saving.load_model(sa.shipped.model_path("mnist_cnn"))
    scaled = keras.Sequential([keras.Input((28, 28, 1)), keras.layers.Rescaling(1 / 255.0), *model.layers])
    scaled.export(tmp_path / "saved", verbose=False)
    images, labels, _ = sa.shipped.load_sample()
    example = example.replace("path/to/saved_model", str(tmp_path / "saved"))
    names = run(example, images=images[:2] * 255, labels=labels[:2], targets=(labels[:2] + 1) % 10)
    assert names["result"].success.all()
    assert "(28, 28, 1)" in capsys.readouterr().out


@pytest.mark.parametrize("example", [EXAMPLES[2], *examples_in("docs/interpretability.md")])
def test_the_examples_of_interpretation_print_scores(example, capsys):
    names = run(example)
    assert names["result"].success.all()
    printed = np.array([float(number) for number in re.findall(r"\d\.\d+", capsys.readouterr().out)])
    assert len(printed) % 8 == 0
    assert ((printed > 0.05) & (printed <= 1)).all()


def test_the_example_of_foolbox_attacks_and_sharpens():
    names = run(EXAMPLES[3])
    images, labels, theirs, sharper = (names[name].numpy() for name in ("images", "labels", "theirs", "sharper"))
    assert names["success"].numpy().all()
    fooled = names["network"](theirs).numpy().argmax(axis=1) != labels
    assert fooled.sum() >= 4
    assert (names["network"](sharper).numpy().argmax(axis=1) != labels)[fooled].all()
    before, after = ((found - images)[fooled] for found in (theirs, sharper))
    assert (sa.metrics.l0(after) < sa.metrics.l0(before)).all()
    assert (sa.metrics.l2(after) < sa.metrics.l2(before)).all()


INTEROP = examples_in("docs/interop.md")


@pytest.mark.slow
def test_the_examples_of_foolbox_art_and_keras_run(capsys):
    names = run(INTEROP[0])
    assert names["success"].numpy().all()
    names = run(INTEROP[1])
    foolbox, art = capsys.readouterr().out.split("of a targeted attack: 8")
    assert int(re.findall(r"(\d+)\]", foolbox)[0]) == 8
    wanted, got = re.findall(r"predicted: \[(.*?)\] wanted: \[(.*?)\]", art)[0]
    assert wanted == got
    names = run(INTEROP[3])
    measured = names["history"]
    assert len(measured["attack_success_rate"]) == 2
    assert measured["attack_success_rate"][-1] > 0
    assert str(round(measured["attack_l2"][-1], 3)) in capsys.readouterr().out


@pytest.mark.slow
def test_what_foolbox_and_art_find_is_sharpened_as_the_document_prints(capsys):
    printed = re.findall(r"```text\n(.*?)```", (ROOT / "docs/interop.md").read_text(), re.DOTALL)[0]
    run(INTEROP[2])
    found = [re.split(r"([\d.]+)", line) for line in capsys.readouterr().out.splitlines() if "fooled" in line]
    expected = [re.split(r"([\d.]+)", line) for line in printed.splitlines()]
    assert len(found) == len(expected) == 4
    for ours, theirs in zip(found, expected, strict=True):
        assert ours[::2] == theirs[::2]
        assert [float(value) for value in ours[1::2]] == pytest.approx([float(v) for v in theirs[1::2]], rel=0.03)
