"""AttackResult and its file."""

import dataclasses

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
