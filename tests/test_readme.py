"""The README's examples and commands run as printed, commands in a small form; so do the examples of two documents."""

import re
import shlex
import subprocess
import sys

import art.attacks  # noqa: F401 - where a test imports it first, ART logs to that test's stderr for ever
import keras
import matplotlib.image
import numpy as np
import pytest

import tf_strattack as sa
from tests.builders import write_folder
from tests.documents import examples_in
from tests.programs import ROOT, server_of
from tf_strattack.programs.modules import PROGRAMS

EXAMPLES = examples_in("README.md")


def run(example, **names):
    exec(compile(example, "README.md", "exec"), names)
    return names


def test_the_first_example_runs(capsys):
    names = run(EXAMPLES[0])
    assert names["result"].success.all()
    assert "successful" in capsys.readouterr().out


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """The shipped network of digits as a SavedModel of pixels from 0 to 255."""
    directory = tmp_path_factory.mktemp("models") / "saved"
    model = keras.saving.load_model(sa.shipped.model_path("mnist_cnn"))
    scaled = keras.Sequential([keras.Input((28, 28, 1)), keras.layers.Rescaling(1 / 255.0), *model.layers])
    scaled.export(directory, verbose=False)
    return directory


def test_a_saved_model_is_attacked_in_five_lines(saved, capsys):
    example = EXAMPLES[1]
    assert len([line for line in example.splitlines() if line]) == 5
    images, labels, _ = sa.shipped.load_sample()
    example = example.replace("path/to/saved_model", str(saved))
    names = run(example, images=images[:2] * 255, labels=labels[:2], targets=(labels[:2] + 1) % 10)
    assert names["result"].success.all()
    assert "(28, 28, 1)" in capsys.readouterr().out


TEXT = (ROOT / "README.md").read_text()
COMMANDS = re.findall(r"^    (strattack .+)$", TEXT, re.MULTILINE)
QUICK = "--attack_parameters=max_iterations=9,fallback.max_iterations=9,refine=False"
# What makes a command small, by its first two words and a word that it holds.
SMALL = {
    ("attack", "--num_images=20"): ["--num_images=2", "--targets=random", QUICK],
    ("attack", "--model"): ["--num_images=2", "--targets=random", QUICK],
    ("imagenet", "--image_dir"): [
        "--model=COLOURS",
        "--num_images=1",
        "--targets=random",
        QUICK,
    ],
    ("generate", "--dataset"): ["--num_images=2", QUICK],
    ("table1", "--dataset"): ["--num_images=1", "--targets=random", "--attacks=fgm_l2", "--taus=", "--noclaims"],
}


@pytest.fixture(scope="module")
def places(tmp_path_factory, tiny_mnist, saved):
    """What stands for the places that README.md names: a network and a folder of digits, photographs, data sets."""
    directory = tmp_path_factory.mktemp("readme")
    images, labels, _ = sa.shipped.load_sample()
    rows = [int(np.flatnonzero(labels == label)[0]) for label in (0, 1, 2)]  # the labels that write_folder gives
    write_folder(directory / "digits", list(sa.images.to_uint8(images[rows])[..., 0]))
    shape = (40, 40, 3)
    layers = [keras.Input(shape), keras.layers.GlobalAveragePooling2D(), keras.layers.Rescaling(20.0)]
    keras.Sequential(layers).save(directory / "colours.keras")
    write_folder(
        directory / "photographs", [np.eye(3, dtype=np.uint8)[c] * np.full(shape, 90, np.uint8) for c in (0, 1)]
    )
    return {
        "path/to/saved_model": saved,
        "path/to/folder": directory / "digits" / "images",
        "path/to/photographs": directory / "photographs" / "images",
        "COLOURS": directory / "colours.keras",
        "=DIR": f"={tiny_mnist}",
    }


def test_every_command_of_the_readme_is_run_here():
    assert len(COMMANDS) == len(SMALL) == 5
    for command, (name, flag) in zip(COMMANDS, SMALL, strict=True):
        assert command.startswith(f"strattack {name} ")
        assert flag in command


SLOW = ("strattack attack --num_images=20", "strattack table1")  # other tests run these two programs in seconds


@pytest.mark.parametrize(
    ("command", "few"),
    [
        pytest.param(command, few, id=command, marks=[pytest.mark.slow] if command.startswith(SLOW) else [])
        for command, few in zip(COMMANDS, SMALL.values(), strict=True)
    ],
)
def test_a_command_of_the_readme_runs(command, few, places, tmp_path):
    _, name, *flags = shlex.split(command)
    given = [*flags, *few, f"--output_dir={tmp_path / 'out'}"]
    for place, real in places.items():
        given = [flag.replace(place, str(real)) for flag in given]
    status, out, err = server_of(PROGRAMS[name].module).run(*given)
    assert status == 0, err
    assert f"writing to {tmp_path / 'out'}" in out
    assert (tmp_path / "out" / "report.html").exists()


def test_what_the_readme_installs_and_makes_is_there():
    setup, makefile = (ROOT / "setup.py").read_text(), (ROOT / "Makefile").read_text()
    assert re.findall(r"^    pip install (.+)$", TEXT, re.MULTILINE) == ["tf-strattack", '"tf-strattack[programs]"']
    assert 'name="tf-strattack"' in setup
    assert '"programs": requirements(' in setup
    targets = re.findall(r"^    make (\w+)$", TEXT, re.MULTILINE)
    assert targets == ["demo", "test"]
    assert all(re.search(f"^{target}:", makefile, re.MULTILINE) for target in targets)


@pytest.mark.slow
def test_the_picture_of_the_readme_is_what_its_command_draws(tmp_path):
    assert "`PYTHONPATH=. python docs/site/picture.py`" in TEXT
    drawn = tmp_path / "examples.png"
    subprocess.run([sys.executable, "docs/site/picture.py", drawn], cwd=ROOT, env={"PYTHONPATH": "."}, check=True)
    ours, committed = (matplotlib.image.imread(path) for path in (drawn, ROOT / "docs" / "examples.png"))
    assert ours.shape == committed.shape
    assert abs(ours - committed).mean() < 0.02


@pytest.mark.slow
def test_the_table_of_the_readme_is_what_its_command_prints(shared_networks, tmp_path):
    (command,) = re.findall(r"`(python -m eval\.benchmark [^`]+)`", TEXT)
    flags = shlex.split(command.replace("DIR", str(shared_networks / "cases")))[3:]
    program = server_of("eval.benchmark").run
    status, out, err = program(*flags, "--nets=mnist_cases", f"--output_dir={tmp_path / 'out'}")
    assert status == 0, err
    rows = {
        "default": "StrAttack here",
        "advlib": "StrAttack of adv-lib",
        "authors": "StrAttack of its",
        "carlini": "C&W",
    }
    for ours, named in rows.items():
        (line,) = [line for line in out.splitlines() if ours in line and " 0.5 " not in line]
        asr, l0, _, l2 = map(float, re.findall(r"27 +([\d.]+) % +([\d.]+) +([\d.]+) +([\d.]+)", line)[0])
        stated = re.findall(rf"^\| {named}[^|]*\| (\d+) % \| ([\d.]+) \| ([\d.]+) \|", TEXT, re.MULTILINE)[0]
        assert [float(value) for value in stated] == pytest.approx([asr, l0, l2], rel=0.03), ours


def test_the_example_of_the_home_page_runs(capsys):
    (example,) = examples_in("docs/index.md")
    run(example)
    assert capsys.readouterr().out.startswith("True ")


@pytest.mark.parametrize("example", examples_in("docs/interpretability.md"))
def test_the_examples_of_interpretation_print_scores(example, capsys):
    names = run(example)
    assert names["result"].success.all()
    printed = np.array([float(number) for number in re.findall(r"\d\.\d+", capsys.readouterr().out)])
    assert len(printed) % 8 == 0
    assert ((printed > 0.05) & (printed <= 1)).all()


def interop(page, section=None):
    """The example of a page in docs/interop, or of a section of it."""
    text = (ROOT / "docs" / "interop" / page).read_text()
    start = "" if section is None else rf"^## {section}$.*?"
    (example,) = re.findall(rf"{start}```python\n(.*?)```", text, re.MULTILINE | re.DOTALL)
    return example


@pytest.mark.slow
def test_the_examples_of_foolbox_art_and_keras_run(capsys):
    names = run(interop("foolbox_and_art.md", "Foolbox"))
    assert names["success"].numpy().all()
    names = run(interop("foolbox_and_art.md", "ART"))
    foolbox, art = capsys.readouterr().out.split("of a targeted attack: 8")
    assert int(re.findall(r"(\d+)\]", foolbox)[0]) == 8
    wanted, got = re.findall(r"predicted: \[(.*?)\] wanted: \[(.*?)\]", art)[0]
    assert wanted == got
    names = run(interop("keras.md"))
    measured = names["history"]
    assert len(measured["attack_success_rate"]) == 2
    assert measured["attack_success_rate"][-1] > 0
    assert str(round(measured["attack_l2"][-1], 3)) in capsys.readouterr().out


@pytest.mark.slow
def test_the_example_of_maite_runs(capsys):
    pytest.importorskip("maite", reason="needs the extra maite")
    names = run(interop("maite.md"))
    clean, attacked, *data = capsys.readouterr().out.splitlines()
    assert clean == "clean: {'accuracy': 1.0}"
    assert names["measured"]["accuracy"] < 0.5
    assert attacked == f"under attack: {names['measured']}"
    assert len(data) == 3
    assert all(re.fullmatch(r"\d \d (True \d+\.0|False None)", line) for line in data)


@pytest.mark.slow
def test_what_foolbox_and_art_find_is_sharpened_as_the_document_prints(capsys):
    printed = re.findall(r"```text\n(.*?)```", (ROOT / "docs/interop/foolbox_and_art.md").read_text(), re.DOTALL)[0]
    run(interop("foolbox_and_art.md", "Improve what their attacks find"))
    found = [re.split(r"([\d.]+)", line) for line in capsys.readouterr().out.splitlines() if "fooled" in line]
    expected = [re.split(r"([\d.]+)", line) for line in printed.splitlines()]
    assert len(found) == len(expected) == 4
    for ours, theirs in zip(found, expected, strict=True):
        assert ours[::2] == theirs[::2]
        assert [float(value) for value in ours[1::2]] == pytest.approx([float(v) for v in theirs[1::2]], rel=0.03)


@pytest.mark.slow
def test_the_examples_of_pytorch_run(capsys):
    pytest.importorskip("torch")
    pytest.importorskip("secmlt")
    names = {}
    for example in (one for one in examples_in("docs/interop/pytorch.md") if "str_attack" in one):
        exec(compile(example, "pytorch.md", "exec"), names)
    assert names["result"].success.all()
    printed = capsys.readouterr().out
    pairs = re.findall(r"predicted: \[(.*?)\] true: \[(.*?)\]", printed)
    assert [len(true.split(", ")) for _, true in pairs] == [8, 4, 4]
    for predicted, true in pairs:
        assert not any(a == b for a, b in zip(predicted.split(", "), true.split(", "), strict=True))


@pytest.mark.slow
def test_the_example_of_dioptra_runs(capsys):
    names = run(interop("dioptra.md"))
    measured = names["measured"]
    assert measured["asr"] == names["attacked"].result.success.mean() > 0
    printed = capsys.readouterr().out
    assert f"'l2': {round(measured['l2'], 2)}" in printed
    assert len(printed.splitlines()) == 10
