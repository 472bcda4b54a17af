"""AttackResult and its file."""

import dataclasses
import json

import numpy as np
import pytest

import tf_strattack as sa
from tests.builders import brief


@pytest.fixture(scope="module")
def result(exact):
    classifier, images, labels, targets = exact
    return brief(10)(classifier, images, labels, targets)


def same(one, other):
    for field in dataclasses.fields(one):
        left, right = getattr(one, field.name), getattr(other, field.name)
        if isinstance(left, np.ndarray):
            np.testing.assert_array_equal(left, right, err_msg=field.name)
            assert left.dtype == right.dtype
        else:
            assert left == right, field.name


def test_a_saved_result_reads_back(result, tmp_path):
    named = dataclasses.replace(result, example_ids=np.array([f"image_{i}" for i in range(len(result))]))
    for original in (result, named, dataclasses.replace(result, targets=None, interrupted=True)):
        original.save(tmp_path / "r.npz", overwrite=True)
        same(sa.AttackResult.load(tmp_path / "r.npz"), original)
    assert [path.name for path in tmp_path.iterdir()] == ["r.npz"]


def test_some_of_the_examples_are_a_result_too(result):
    chosen = result[result.success]
    assert len(chosen) == result.success.sum() > 0
    assert chosen.success.all()
    same(
        result[[3, 1]],
        dataclasses.replace(
            result,
            **{
                name: getattr(result, name)[[3, 1]]
                for name in (
                    "images",
                    "adversarial",
                    "success",
                    "labels",
                    "targets",
                    "clean_correct",
                    "c",
                    "gradient_evaluations",
                    "forward_evaluations",
                    "seconds",
                    "origin",
                )
            },
        ),
    )
    same(
        sa.AttackResult.concatenate([result[:5], result[5:]]),
        dataclasses.replace(result, calls={key: 2 * number for key, number in result.calls.items()}),
    )
    assert dataclasses.replace(result, targets=None)[:2].targets is None
    for wrong in (3, None, np.array(1)):
        with pytest.raises(sa.InputError, match="expected a slice, booleans or indices of examples, received"):
            result[wrong]
    for wrong in ([99], np.ones(3, bool), (slice(None), 0)):
        with pytest.raises(sa.InputError, match="expected rows of 27 examples, received"):
            result[wrong]
    with pytest.raises(TypeError):
        iter(result)


def test_the_record_names_attack_parameters_and_versions(result):
    assert result.attack["name"] == "strattack"
    assert result.attack["parameters"]["solver"]["max_iterations"] == 10
    assert result.attack["versions"]["tf_strattack"] == sa.__version__


def test_nothing_is_overwritten_unasked(result, tmp_path):
    result.save(tmp_path / "r.npz")
    with pytest.raises(sa.InputError, match="which exists: pass overwrite=True"):
        result.save(tmp_path / "r.npz")
    with pytest.raises(sa.InputError, match=r"expected a path that ends in \.npz"):
        result.save(tmp_path / "r.txt")


@pytest.mark.parametrize("content", [b"", b"not a zip", None, "foreign"])
def test_files_that_are_no_result_are_refused(content, tmp_path):
    path = tmp_path / "r.npz"
    if content == "foreign":
        np.savez(path, images=np.zeros(3))
    elif content is not None:
        path.write_bytes(content)
    with pytest.raises(sa.InputError, match=r"expected an .npz file of an AttackResult, received"):
        sa.AttackResult.load(path)


def test_parts_join_to_the_whole(exact, result):
    classifier, images, labels, targets = exact
    parts = [brief(10)(classifier, images[rows], labels[rows], targets[rows]) for rows in (slice(0, 5), slice(5, 27))]
    whole = sa.AttackResult.concatenate(parts)
    np.testing.assert_array_equal(whole.adversarial, result.adversarial)
    with pytest.raises(sa.InputError, match="expected at least one result"):
        sa.AttackResult.concatenate([])


TAMPERED = {
    "labels that are too few": {"labels": np.zeros(1, np.int32)},
    "success as a single value": {"success": np.array(True)},
    "success as numbers": {"success": np.ones(2)},
    "flat images": {"images": np.zeros((2, 9), np.float32), "adversarial": np.zeros((2, 9), np.float32)},
    "images as text": {"images": np.full((2, 3, 3, 1), "a")},
    "other images": {"adversarial": np.zeros((2, 3, 4, 1), np.float32)},
    "NaN": {"adversarial": np.full((2, 3, 3, 1), np.nan, np.float32)},
    "images out of the bounds": {"adversarial": np.full((2, 3, 3, 1), 2, np.float32)},
    "weights as text": {"c": np.array(["a", "b"])},
    "three bounds": {"facts": {"bounds": [0, 1, 2]}},
    "bounds as text": {"facts": {"bounds": ["a", "b"]}},
    "no bounds": {"facts": {"bounds": [1, 0]}},
    "another attack": {"facts": {"attack": 3}},
}


@pytest.mark.parametrize("what", TAMPERED)
def test_a_file_whose_arrays_do_not_fit_is_refused(what, tmp_path):
    images = np.full((2, 3, 3, 1), 0.5, np.float32)
    whole = sa.AttackResult(
        images,
        images,
        np.ones(2, bool),
        np.zeros(2, np.int32),
        np.ones(2, np.int32),
        np.ones(2, bool),
        np.zeros(2, np.float32),
        np.ones(2, np.int32),
        np.ones(2, np.int32),
        np.ones(2, np.float32),
        (0.0, 1.0),
    )
    whole.save(tmp_path / "whole.npz")
    assert len(sa.AttackResult.load(tmp_path / "whole.npz")) == 2
    with np.load(tmp_path / "whole.npz") as file:
        arrays = dict(file)
    change = dict(TAMPERED[what])
    facts = {**json.loads(str(arrays["facts"])), **change.pop("facts", {})}
    np.savez(tmp_path / "other.npz", **{**arrays, **change, "facts": np.array(json.dumps(facts))})
    with pytest.raises(sa.InputError, match="expected"):
        sa.AttackResult.load(tmp_path / "other.npz")


@pytest.mark.parametrize("path", [None, 3, "", "a" * 5000, "a\0b"], ids=repr)
def test_what_is_no_path_is_refused(path):
    for load in (sa.AttackResult.load, sa.images.read_png, sa.Classifier.load):
        with pytest.raises(sa.InputError, match="expected"):
            load(path)


def test_a_link_in_the_place_of_what_is_being_written_is_not_followed(tmp_path, exact):
    classifier, images, labels, _ = exact
    (tmp_path / "victim").write_text("precious")
    (tmp_path / "a.npz.partial").symlink_to(tmp_path / "victim")
    sa.FGM()(classifier, images[:1], labels[:1]).save(tmp_path / "a.npz")
    assert (tmp_path / "victim").read_text() == "precious"
