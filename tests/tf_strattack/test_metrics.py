"""Measures against loops and cases worked by hand."""

import numpy as np
import pytest

import tf_strattack as sa
from tf_strattack import metrics


@pytest.fixture(scope="module")
def delta():
    rng = np.random.default_rng(0)
    values = rng.normal(size=(5, 14, 11, 3)) * (rng.uniform(size=(5, 14, 11, 1)) < 0.15)
    values[3] = 0.0
    values[4] = 5e-7  # below the threshold of a change
    return values.astype(np.float32)


def test_norms_equal_numpy(delta):
    for row, l0, l1, l2, linf in zip(
        delta, metrics.l0(delta), metrics.l1(delta), metrics.l2(delta), metrics.linf(delta), strict=True
    ):
        flat = row.ravel()
        assert l0 == np.sum(np.abs(flat) > 1e-6)
        assert l1 == pytest.approx(np.linalg.norm(flat, 1), rel=1e-5)
        assert l2 == pytest.approx(np.linalg.norm(flat), rel=1e-5)
        assert linf == np.abs(flat).max()


def clusters(changed):
    """Flood fill over four neighbours."""
    left, number = {tuple(p) for p in np.argwhere(changed)}, 0
    while left:
        number += 1
        stack = [left.pop()]
        while stack:
            i, j = stack.pop()
            for neighbour in ((i + 1, j), (i - 1, j), (i, j + 1), (i, j - 1)):
                if neighbour in left:
                    left.remove(neighbour)
                    stack.append(neighbour)
    return number


def test_pixels_clusters_windows_and_groups_equal_loops(delta):
    changed = (np.abs(delta) > 1e-6).any(axis=-1)
    windows = [sum(c[i : i + 8, j : j + 8].any() for i in range(7) for j in range(4)) for c in changed]
    groups = [sum(c[i : i + 3, j : j + 3].any() for i in range(0, 14, 3) for j in range(0, 11, 3)) for c in changed]
    np.testing.assert_array_equal(metrics.acp(delta), changed.sum(axis=(1, 2)))
    np.testing.assert_array_equal(metrics.anc(delta), [clusters(c) for c in changed])
    np.testing.assert_array_equal(metrics.d20(delta), windows)
    np.testing.assert_array_equal(metrics.nonzero_groups(delta, 3), groups)
    assert metrics.anc(delta)[3] == metrics.nonzero_groups(delta, 3)[4] == 0


def test_clusters_do_not_join_across_examples():
    delta = np.zeros((3, 4, 4, 1), np.float32)
    delta[:, 1, 1] = 1.0
    delta[1, 3, 3] = 1.0
    np.testing.assert_array_equal(metrics.anc(delta), [1, 2, 1])


def test_accuracies_follow_their_definition_image_by_image():
    rng = np.random.default_rng(0)
    for per_image in (1, 3):  # an untargeted attack or a random target; several targets
        image_ids = np.repeat([f"image_{i}" for i in range(20)], per_image)
        order = rng.permutation(len(image_ids))
        image_ids, success = image_ids[order], rng.uniform(size=len(order)) < 0.3
        for misclassified in (0, 7):
            correct = [True] * 20 + [False] * misclassified
            fooled = [success[image_ids == f"image_{i}"].any() for i in range(20)] + [False] * misclassified
            held = [right and not wrong for right, wrong in zip(correct, fooled, strict=True)]
            found = metrics.accuracies(success, image_ids, num_misclassified=misclassified)
            assert found == {"clean_accuracy": np.mean(correct), "robust_accuracy": np.mean(held)}
            assert 0 < found["robust_accuracy"] < found["clean_accuracy"]
            blocks = metrics.best_average_worst({}, success, image_ids, seed=0)
            assert found["robust_accuracy"] == pytest.approx(found["clean_accuracy"] * (1 - blocks["best"]["asr"]))


def test_accuracies_without_an_attacked_image():
    nothing = np.zeros(0, bool), np.zeros(0, str)
    assert metrics.accuracies(*nothing) == {"clean_accuracy": None, "robust_accuracy": None}
    assert metrics.accuracies(*nothing, num_misclassified=3) == {"clean_accuracy": 0.0, "robust_accuracy": 0.0}


def test_best_average_worst_by_hand():
    image_ids = np.array(["a", "a", "b", "b", "c", "c"])
    success = np.array([True, True, True, False, False, False])
    values = {"l2": np.array([2.0, 1.0, 5.0, 0.0, 0.0, 0.0]), "l0": np.array([3.0, 7.0, 4.0, 0.0, 0.0, 0.0])}
    blocks = metrics.best_average_worst(values, success, image_ids, seed=0)
    assert blocks["best"] == {"asr": 2 / 3, "num_successes": 2, "num_examples": 3, "l2": 3.0, "l0": 3.5}
    assert blocks["worst"] == {"asr": 1 / 3, "num_successes": 1, "num_examples": 3, "l2": 2.0, "l0": 7.0}
    assert blocks["all"]["asr"] == 0.5
    assert blocks["all"]["l2"] == pytest.approx(8 / 3)
    assert blocks["average"]["num_examples"] == 3


def test_the_average_case_is_seeded_and_takes_each_target_alike():
    image_ids, values = np.repeat(np.arange(400), 4), {"l2": np.tile(np.arange(4.0), 400)}
    success = np.ones(1600, bool)
    means = [metrics.best_average_worst(values, success, image_ids, seed=s)["average"]["l2"] for s in (0, 0, 1)]
    assert means[0] == means[1] != means[2]
    assert means[0] == pytest.approx(1.5, abs=0.2)


def test_no_success_gives_none_and_not_nan():
    blocks = metrics.best_average_worst({"l2": np.zeros(2)}, np.zeros(2, bool), np.array([0, 0]), seed=0)
    for block in blocks.values():
        assert block["asr"] == 0.0
        assert block["l2"] is None


def test_a_mask_that_does_not_fit_is_refused(delta):
    with pytest.raises(sa.InputError, match="expected group_size from 1 to the image's shorter side 11, received 12"):
        metrics.nonzero_groups(delta, 12)


def test_no_example_has_no_distance(delta):
    assert [of(delta[:0]).shape for of in (metrics.l0, metrics.l1, metrics.l2, metrics.linf)] == [(0,)] * 4


@pytest.mark.parametrize(
    "delta", [np.zeros(4), np.zeros((2, 3)), np.zeros((2, 3, 3)), "x", None, [[1], [1, 2]]], ids=repr
)
def test_what_is_no_batch_of_perturbations_is_refused(delta):
    for measure in ("l0", "l1", "l2", "linf", "acp", "anc", "d20"):
        with pytest.raises(sa.InputError, match="expected delta"):
            getattr(sa.metrics, measure)(delta)
    with pytest.raises(sa.InputError, match="expected delta"):
        sa.metrics.nonzero_groups(delta, 2)


def test_summaries_take_lists_and_refuse_what_does_not_fit():
    blocks = sa.metrics.best_average_worst({"l2": [1.0, 2.0, 3.0]}, [True, False, True], ["a", "a", "b"], seed=0)
    assert (blocks["best"]["l2"], blocks["worst"]["asr"]) == (2.0, 0.5)
    rates = sa.metrics.accuracies([True, False], ["a", "b"], num_misclassified=2)
    assert rates == {"clean_accuracy": 0.5, "robust_accuracy": 0.25}
    assert sa.metrics.accuracies([], []) == {"clean_accuracy": None, "robust_accuracy": None}
    for values, success, ids, name in (
        ({"l2": [1.0]}, [True, True], ["a", "b"], "l2"),
        ({"l2": [1.0, 2.0]}, [True, True], ["a"], "image_ids"),
        ({}, True, "a", "image_ids"),
    ):
        with pytest.raises(sa.InputError, match=rf"expected success and {name} of shape \(N,\), received"):
            sa.metrics.best_average_worst(values, success, ids, seed=0)


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_a_change_that_is_not_finite_is_refused(value):
    delta = np.full((2, 2, 2, 1), value)
    for measure in (*sa.metrics.DISTANCES.values(), sa.metrics.acp, sa.metrics.anc, sa.metrics.d20):
        with pytest.raises(sa.InputError, match="expected finite changes in delta, received NaN or infinity"):
            measure(delta)
