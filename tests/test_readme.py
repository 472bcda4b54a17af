"""The README's examples run as they are printed."""

import re
from pathlib import Path

import keras
import numpy as np
import pytest

import tf_strattack as sa

ROOT = Path(__file__).parent.parent


def examples_in(document):
    return re.findall(r"```python\n(.*?)```", (ROOT / document).read_text(), re.DOTALL)


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
