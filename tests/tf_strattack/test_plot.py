"""Figures of results: what they show, and what they need."""

import dataclasses
import subprocess
import sys

import numpy as np
import pytest
from matplotlib.figure import Figure

import tf_strattack as sa
from tests.programs import PATIENCE
from tf_strattack.drawing import group_map, group_means


@pytest.fixture(scope="module")
def result(mnist):
    images, labels, _ = sa.shipped.load_sample()
    return sa.FGM()(mnist, images[:8], labels[:8], (labels[:8] + 1) % 10)


@pytest.fixture(scope="module")
def other(mnist, result):
    return sa.FGM(norm="l2")(mnist, result.images, result.labels, result.targets)


def means_by_loops(delta, mask):
    """The mean of each pixel's groups, by the definition: each group is where the mask lies at one of its steps."""
    height, width = delta.shape[:2]
    last = [extent - mask.size for extent in (height, width)]
    if mask.border == "cover":
        last = [-(-end // mask.stride) * mask.stride for end in last]
    held = [[[] for _ in range(width)] for _ in range(height)]
    for top in range(0, last[0] + 1, mask.stride):
        for left in range(0, last[1] + 1, mask.stride):
            block = delta[top : top + mask.size, left : left + mask.size]
            for i in range(block.shape[0]):
                for j in range(block.shape[1]):
                    held[top + i][left + j].append(np.abs(block).mean())
    return np.array([[np.mean(means) if means else np.nan for means in row] for row in held])


@pytest.mark.parametrize(
    "mask",
    [
        sa.SlidingMask(2),
        sa.SlidingMask(3),
        sa.SlidingMask(3, stride=2),
        sa.SlidingMask(4, stride=1),
        sa.SlidingMask(3, stride=2, border="drop"),
        sa.SlidingMask(5, border="drop"),
    ],
    ids=repr,
)
def test_a_pixel_shows_the_mean_over_the_groups_that_hold_it(mask):
    delta = np.random.default_rng(0).normal(size=(8, 7, 3)).astype(np.float32)
    np.testing.assert_allclose(group_map(delta, mask), means_by_loops(delta, mask), rtol=1e-5)
    assert group_means(delta, mask).size == mask.of(8, 7).number


def test_a_number_is_squares_of_that_side():
    delta = np.random.default_rng(0).normal(size=(7, 6, 1)).astype(np.float32)
    np.testing.assert_array_equal(group_map(delta, 3), group_map(delta, sa.SlidingMask(3)))
    np.testing.assert_allclose(group_means(delta, 3)[2, 1], np.abs(delta[6:, 3:]).mean(), rtol=1e-6)


def shown(axis):
    """The numbers of a panel, masked as they are drawn."""
    return axis.images[0].get_array()


def test_a_row_is_an_example_and_its_perturbation(result):
    figure = sa.plot.examples(result, groups=sa.SlidingMask(3, stride=2), rows=100)
    assert isinstance(figure, Figure)
    panels = [axis for axis in figure.axes if axis.get_label() != "<colorbar>"]
    assert len(panels) == 4 * len(result)
    for index in range(len(result)):
        original, change, heat, adversarial = map(shown, panels[4 * index : 4 * index + 4])
        np.testing.assert_allclose(original, result.images[index, :, :, 0], atol=1e-6)
        np.testing.assert_allclose(change, result.delta[index, :, :, 0], atol=1e-6)
        np.testing.assert_allclose(heat, 255 * group_map(result.delta[index], sa.SlidingMask(3, stride=2)), rtol=1e-5)
        np.testing.assert_allclose(adversarial, result.adversarial[index, :, :, 0], atol=1e-6)


def labels_of(figure):
    return [axis.get_ylabel() for axis in figure.axes if axis.get_ylabel().startswith("label")]


def test_the_seed_chooses_the_rows(result):
    numbered = dataclasses.replace(result, labels=np.arange(8, dtype=np.int32))
    first = labels_of(sa.plot.examples(numbered, rows=3))
    assert len(first) == 3
    assert first == sorted(first) == labels_of(sa.plot.examples(numbered, rows=3, seed=0))
    assert any(labels_of(sa.plot.examples(numbered, rows=3, seed=seed)) != first for seed in (1, 2, 3))


def texts(figure):
    return {axis.get_xlabel() for axis in figure.axes} | {axis.get_ylabel() for axis in figure.axes}


def test_classes_have_their_names_by_list_or_by_number(result, other):
    for names in ([f"$name_{c}$" for c in range(10)], {c: f"$name_{c}$" for c in range(10)}):
        for figure in (
            sa.plot.examples(result, class_names=names),
            sa.plot.heat_maps({"a": result, "b": other}, class_names=names),
        ):
            assert any(text.startswith("label $name_") for text in texts(figure))
            assert any(text.startswith("target $name_") for text in texts(figure))
            assert not any(axis.xaxis.label.get_parse_math() for axis in figure.axes if axis.get_xlabel())
    assert any(text.endswith(": failed") for text in texts(sa.plot.examples(result, rows=8)))
    assert "untargeted" in " ".join(texts(sa.plot.examples(dataclasses.replace(result, targets=None))))


def test_two_attacks_share_a_scale_and_no_change_is_white(result, other):
    sparse = result.adversarial.copy()
    sparse[:, :14] = result.images[:, :14]
    half = dataclasses.replace(result, adversarial=sparse)
    figure = sa.plot.heat_maps({"half": half, "l2": other}, groups=2)
    panels = [axis for axis in figure.axes if axis.get_label() != "<colorbar>"]
    titles = [axis.get_title() for axis in panels[:5]]
    assert titles == ["half: |change|", "half", "original", "l2", "l2: |change|"]
    for row in range(len(result)):
        left, changed, original, _, right = panels[5 * row : 5 * row + 5]
        assert left.images[0].get_clim() == right.images[0].get_clim()
        assert shown(left).mask[:14].all()
        np.testing.assert_array_equal(shown(left).mask, group_map(half.delta[row], 2) <= 1e-6)
        np.testing.assert_allclose(shown(changed), sparse[row, :, :, 0], atol=1e-6)
        np.testing.assert_allclose(shown(original), result.images[row, :, :, 0], atol=1e-6)


def test_nothing_is_written_and_nothing_stays_open(result, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    pyplot = sys.modules.get("matplotlib.pyplot")
    before = pyplot.get_fignums() if pyplot else []
    sa.plot.examples(result, rows=1)
    assert list(tmp_path.iterdir()) == []
    assert (pyplot.get_fignums() if pyplot else []) == before


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"groups": 29}, "expected group_size from 1 to the image's shorter side 28, received 29"),
        ({"groups": "two"}, "expected groups to be a mask such as SlidingMask.*, received 'two'"),
        ({"class_names": "cat"}, "expected class_names to be a list or a dictionary .*, received str"),
        ({"class_names": {"cat": 0}}, "expected class_names by class number, .*, received the key 'cat'"),
        ({"rows": 0}, "expected rows to be a whole number of at least 1, received 0"),
        ({"seed": -1}, "expected seed to be a whole number of at least 0, received -1"),
    ],
)
def test_mistakes_are_refused_in_a_line(result, other, options, message):
    with pytest.raises(sa.InputError, match=message):
        sa.plot.examples(result, **options)
    if not {"rows", "seed"} & options.keys():
        with pytest.raises(sa.InputError, match=message):
            sa.plot.heat_maps({"a": result, "b": other}, **options)


def test_what_is_no_result_is_refused(result, other):
    with pytest.raises(sa.InputError, match="expected a result of an attack, received ndarray"):
        sa.plot.examples(result.adversarial)
    with pytest.raises(sa.InputError, match="expected a result with at least one example, received none"):
        sa.plot.examples(result[:0])
    for wrong, received in (([result, other], "list"), ({"a": result}, "1 of them"), ({}, "0 of them")):
        with pytest.raises(sa.InputError, match=f"expected two results by name, .*, received {received}"):
            sa.plot.heat_maps(wrong)
    with pytest.raises(sa.InputError, match="expected 'b' to be a result of an attack, received NoneType"):
        sa.plot.heat_maps({"a": result, "b": None})
    with pytest.raises(sa.InputError, match=r"expected two results on the same images, received .* result\[rows\]"):
        sa.plot.heat_maps({"a": result[:3], "b": other[3:6]})


# Keras and TensorFlow import both where they find them, so that only their absence shows who needs them.
WITHOUT = """
import sys
sys.modules["matplotlib"] = sys.modules["pandas"] = None
import tf_strattack as sa
assert "tf_strattack.drawing" not in sys.modules
images, labels, _ = sa.shipped.load_sample()
result = sa.FGM()(sa.shipped.load_classifier(), images[:2], labels[:2])
for draw in (lambda: sa.plot.examples(result), lambda: sa.plot.heat_maps({"a": result, "b": result})):
    try:
        draw()
    except ImportError as error:
        print(error)
"""


def test_the_library_imports_neither_matplotlib_nor_pandas():
    done = subprocess.run([sys.executable, "-c", WITHOUT], capture_output=True, text=True, timeout=PATIENCE)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == 2
    for line in lines:
        assert line.startswith("expected matplotlib, received none (")
        assert line.endswith("): pip install tf-strattack[plot]")
