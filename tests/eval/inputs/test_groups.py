"""The values of --groups, and the maps that a run stores."""

from __future__ import annotations

import numpy as np
import pytest

import tf_strattack as sa
from eval.inputs.groups import parse_groups, write_maps

IMAGES = np.random.default_rng(0).uniform(size=(3, 6, 8, 3)).astype(np.float32)
NAMES = np.array(["a", "b", "a"])


@pytest.mark.parametrize(
    ("text", "structure"),
    [
        ("squares:2", sa.SlidingMask(2)),
        ("squares:3,2", sa.SlidingMask(3, stride=2)),
        ("rows", sa.groups.rows(6, 8)),
        ("columns", sa.groups.columns(6, 8)),
        ("channels", sa.groups.channels(6, 8, 3)),
        ("channels:2", sa.groups.channels(6, 8, 3, size=2)),
        ("blocks:3,2", sa.groups.blocks(3, 2, 8, 2)),
    ],
)
def test_each_name_has_the_groups_of_the_library(text, structure):
    grouping = parse_groups(text)
    assert grouping.structure(IMAGES, NAMES) == structure
    assert grouping.facts == {"groups": text, "groups_sha256": None}
    assert grouping.for_attack == (structure if text.startswith("squares") else grouping)
    grouping.check((6, 8, 3))
    grouping.check((None, None, 3))


def test_windows_are_those_of_series():
    grouping, series = parse_groups("windows:3"), IMAGES[:, :1]
    assert grouping.structure(series, NAMES) == sa.groups.windows(8, 3)
    grouping.check((1, 8, 3))
    with pytest.raises(sa.InputError, match=r"expected --groups=windows:3 with series, .*, received \(1, 6, 8, 1\)"):
        grouping.check((6, 8, 3))


def test_the_depth_of_blocks_must_divide_the_height():
    with pytest.raises(
        sa.InputError, match=r"expected --groups=blocks:DEPTH,SIDE .*, received depth 4 and images \(1, 6, 8, 1\)"
    ):
        parse_groups("blocks:4,2").check((6, 8, 3))


def test_superpixels_are_those_of_each_image():
    pytest.importorskip("skimage")
    structure = parse_groups("superpixels:4").structure(IMAGES, NAMES)
    np.testing.assert_array_equal(structure.labels, sa.groups.superpixels(IMAGES[[0, 1, 0]], 4).labels)


def result_of(images, names):
    classifier = sa.Classifier.from_callable(lambda x: 10 * x[:, 0, 0, :])
    result = sa.FGM()(classifier, images, images[:, 0, 0].argmax(axis=1))
    return sa.AttackResult(**{**vars(result), "example_ids": np.array([f"{name}_untargeted" for name in names])})


@pytest.mark.parametrize("text", ["superpixels:4", "rows", "channels:2"])
def test_the_maps_of_a_run_are_groups_again(tmp_path, text):
    pytest.importorskip("skimage")
    grouping, result = parse_groups(text), result_of(IMAGES[[0, 1, 0]], NAMES)
    write_maps(tmp_path / "groups.npz", grouping, [result, result])
    again = parse_groups(f"file:{tmp_path / 'groups.npz'}")
    assert again.structure(result.images, NAMES) == grouping.of_result(result)
    assert again.text == "file:groups.npz"
    assert len(again.facts["groups_sha256"]) == 64
    again.check((6, 8, 3))


def test_an_image_without_a_map_is_refused(tmp_path):
    np.savez(tmp_path / "maps.npz", labels=np.zeros((1, 6, 8), int), image_ids=np.array(["a"]))
    grouping = parse_groups(f"file:{tmp_path / 'maps.npz'}")
    with pytest.raises(
        sa.InputError, match=r"expected a map for each image in --groups=file:maps\.npz, received none for b"
    ):
        grouping.structure(IMAGES, NAMES)
    with pytest.raises(sa.InputError, match=r"expected labels of a for 8 x 8 pixels in .*, received \(6, 8\)"):
        grouping.check((8, 8, 3))


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"maps": np.zeros((6, 8), int)}, r"expected labels \(H, W\), .* received maps \(6, 8\)"),
        ({"labels": np.zeros((2, 6, 8), int)}, r"and the names image_ids \(N,\), .* received labels \(2, 6, 8\)"),
        ({"labels": np.zeros((6, 8))}, "expected labels that are integers, received float64"),
        (
            {"labels": np.zeros((2, 6, 8), int), "image_ids": np.array(["a"])},
            r"expected image_ids of shape \(2,\) in .*, received \(1,\)",
        ),
    ],
)
def test_other_files_are_refused(tmp_path, arrays, message):
    np.savez(tmp_path / "maps.npz", **arrays)
    with pytest.raises(sa.InputError, match=message):
        parse_groups(f"file:{tmp_path / 'maps.npz'}")


@pytest.mark.parametrize("text", ["", "circles:2", "squares", "squares:", "squares:2,2,2", "squares:-1", "rows:1", "2"])
def test_other_forms_are_refused(text):
    with pytest.raises(sa.InputError, match="expected --groups=squares:2, squares:3,2"):
        parse_groups(text)


def test_numbers_that_do_not_fit_are_refused():
    with pytest.raises(sa.InputError, match="expected --groups with numbers of at least 1, received 'superpixels:0'"):
        parse_groups("superpixels:0")
    with pytest.raises(sa.InputError, match="expected stride to be a number at least 1 and at most 2, received 3"):
        parse_groups("squares:2,3")
