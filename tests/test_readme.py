"""The README's examples run as they are printed."""

import re
from pathlib import Path

import keras

import tf_strattack as sa

README = Path(__file__).parent.parent / "README.md"
EXAMPLES = re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)


def run(example, **names):
    exec(compile(example, "README.md", "exec"), names)
    return names


def test_the_first_example_runs(capsys):
    names = run(EXAMPLES[0])
    assert names["result"].success.all()
    assert "successful" in capsys.readouterr().out


def test_a_saved_model_is_attacked_in_five_lines(tmp_path, capsys):
    (example,) = EXAMPLES[1:]
    assert len([line for line in example.splitlines() if line]) == 5
    model = keras.saving.load_model(sa.shipped.model_path("mnist_cnn"))
    scaled = keras.Sequential([keras.Input((28, 28, 1)), keras.layers.Rescaling(1 / 255.0), *model.layers])
    scaled.export(tmp_path / "saved", verbose=False)
    images, labels, _ = sa.shipped.load_sample()
    example = example.replace("path/to/saved_model", str(tmp_path / "saved"))
    names = run(example, images=images[:2] * 255, labels=labels[:2], targets=(labels[:2] + 1) % 10)
    assert names["result"].success.all()
    assert "(28, 28, 1)" in capsys.readouterr().out
