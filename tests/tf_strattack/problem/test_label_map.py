"""Groups of any shape: against loops over groups, squares, and the optimum of a linear network."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import scipy.optimize
import tensorflow as tf

import tf_strattack as sa
from tests.builders import batch_of, brief
from tests.slow import first_quick

SQUARES = np.repeat(np.repeat(np.arange(9).reshape(3, 3), 2, axis=0), 2, axis=1)


def ragged(images=None, side=6, groups=5, seed=0, unlabelled=True):
    rng = np.random.default_rng(seed)
    shape = (side, side) if images is None else (images, side, side)
    return rng.integers(-1 if unlabelled else 0, groups, size=shape)


@pytest.mark.parametrize("images", [None, 4])
@pytest.mark.parametrize("unlabelled", [True, False])
def test_sums_and_their_adjoint_are_those_of_a_loop(images, unlabelled):
    labels = ragged(images, unlabelled=unlabelled)
    groups = sa.LabelMap(labels).on((4, 6, 6, 3))
    rng = np.random.default_rng(1)
    image = rng.normal(size=(4, 6, 6, 3)).astype(np.float32)
    values = rng.normal(size=(4, groups.number, 1)).astype(np.float32)
    maps = labels if images else np.repeat(labels[None], 4, axis=0)
    present = np.unique(labels[labels >= 0])
    total, expanded = groups.total(image).numpy(), groups.expand(tf.constant(values), 3).numpy()
    norms = groups.norms(groups.gather(tf.constant(image))).numpy()
    for row in range(4):
        own = np.unique(maps[row][maps[row] >= 0])
        for number, label in enumerate(own):
            here = maps[row] == label
            assert total[row, number, 0] == pytest.approx(image[row][here].sum(), rel=1e-4, abs=1e-5)
            assert norms[row, number, 0] == pytest.approx(np.linalg.norm(image[row][here]), rel=1e-4)
            np.testing.assert_array_equal(expanded[row][here], values[row, number, 0])
        assert not expanded[row][maps[row] < 0].any()
        np.testing.assert_array_equal(groups.multiplicity[-1 if images is None else row, ..., 0], maps[row] >= 0)
    assert groups.number == len(present)
    assert groups.complete is not unlabelled


@pytest.mark.slow
def test_a_map_of_squares_is_the_sliding_mask(exact):
    for change in ({}, {"solver": "admm"}, {"max_groups": 3}, {"penalty": "l2_half"}, {"connected": True}):
        squares, mapped = (
            dataclasses.replace(brief(40, epsilon=None), groups=groups, **change)(*exact)
            for groups in (sa.SlidingMask(2), sa.LabelMap(SQUARES))
        )
        np.testing.assert_array_equal(squares.adversarial, mapped.adversarial)
        np.testing.assert_array_equal(
            sa.metrics.nonzero_groups(mapped.delta, 2), sa.metrics.nonzero_groups(mapped.delta, sa.LabelMap(SQUARES))
        )


@pytest.mark.parametrize("change", first_quick([{}, {"solver": "admm"}, {"max_groups": 3}, {"penalty": "l2_half"}]))
def test_squares_as_a_map_for_each_image_give_the_same_but_for_rounding(exact, change):
    """Each image's own map is not taken for a mask: its sums run in another order."""
    maps = np.repeat(SQUARES[None], 27, axis=0)
    attack = brief(12, epsilon=None, refine=False, fallback=None)
    squares, mapped = (
        dataclasses.replace(attack, groups=groups, **change)(*exact)
        for groups in (sa.SlidingMask(2), sa.LabelMap(maps))
    )
    np.testing.assert_array_equal(squares.success, mapped.success)
    cost = attack.objective(6, 6).cost
    alike = np.isclose(cost(tf.constant(squares.delta)), cost(tf.constant(mapped.delta)), rtol=0.01)
    assert alike.mean() > 0.95


@pytest.mark.parametrize(("size", "side"), [(2, 5), (3, 6), (6, 6), (1, 4)])
def test_squares_are_recognised_and_nothing_else(size, side):
    across = -(-side // size)
    grid = np.arange(side)[:, None] // size * across + np.arange(side)[None] // size
    assert sa.LabelMap(grid + 3).of(side, side) == sa.SlidingMask(size).of(side, side)
    other = grid.copy()
    other[0, 0] = -1
    assert sa.LabelMap(other).of(side, side) != sa.SlidingMask(size).of(side, side)
    assert sa.LabelMap(grid, weights="size").of(side, side) != sa.SlidingMask(size).of(side, side)
    assert sa.LabelMap(np.repeat(grid, 2, axis=1)).of(side, 2 * side) != sa.SlidingMask(size).of(side, 2 * side)


def test_each_image_has_its_own_map_whatever_batch_it_is_in(exact):
    classifier, images, labels, targets = exact
    maps = ragged(len(images), unlabelled=False)
    attack = brief(30, epsilon=None, groups=sa.LabelMap(maps))
    together = attack(classifier, images, labels, targets)
    streamed = attack(classifier, images, labels, targets, batch_size=8)
    np.testing.assert_array_equal(together.adversarial, streamed.adversarial)
    for row in (0, 13):
        alone = dataclasses.replace(attack, groups=sa.LabelMap(maps[row]))
        result = alone(classifier, *(part[row : row + 1] for part in (images, labels, targets)))
        np.testing.assert_allclose(result.adversarial[0], together.adversarial[row], atol=1e-4)
    counted = sa.metrics.nonzero_groups(together.delta, sa.LabelMap(maps))
    for row in range(len(images)):
        changed = (np.abs(together.delta[row]) > 1e-6).any(axis=2)
        assert counted[row] == len(np.unique(maps[row][changed]))


def test_pixels_in_no_group_are_left_alone_or_free(exact):
    maps = np.where(SQUARES < 6, SQUARES, -1)
    attack = brief(30, epsilon=None, refine=False)
    free, fixed = (
        dataclasses.replace(attack, groups=sa.LabelMap(maps, unlabelled=what))(*exact) for what in ("free", "fixed")
    )
    assert not fixed.delta[:, maps < 0].any()
    assert np.abs(free.delta[free.success][:, maps < 0]).max() > 0.01
    budget = dataclasses.replace(attack, groups=sa.LabelMap(maps, unlabelled="fixed"), max_groups=2)(*exact)
    assert sa.metrics.nonzero_groups(budget.delta, sa.LabelMap(maps)).max() <= 2


@pytest.mark.slow
@pytest.mark.parametrize("weights", ["equal", "size"])
def test_a_linear_network_gets_the_optimum_of_unequal_groups(weights):
    rng = np.random.default_rng(4)
    slopes = rng.normal(size=(2, 16))
    images = rng.uniform(0.2, 0.8, size=(4, 4, 4, 1)).astype(np.float32)
    labels_of_pixels = np.array([[0, 0, 0, 1], [0, 0, 0, 1], [2, 2, 3, 3], [2, 4, 4, 4]])
    classifier = sa.Classifier.from_callable(lambda x: tf.reshape(x, [-1, 16]) @ tf.constant(slopes.T, tf.float32))
    labels = classifier.predict(images).argmax(axis=1)
    structure = sa.LabelMap(labels_of_pixels, weights=weights)
    long = sa.solvers.ProxLinear(max_iterations=200, patience=None)
    attack = sa.StrAttack(groups=structure, epsilon=None, refine=False, solver=long)
    result = attack(classifier, images, labels, 1 - labels)
    assert result.success.all()
    flat = labels_of_pixels.reshape(-1)
    counts = np.sqrt(np.bincount(flat)) if weights == "size" else np.ones(5)

    def cost(delta):
        norms = np.sqrt(np.bincount(flat, delta**2) + 1e-14)
        return np.sum(delta**2) + 0.65 * np.sum(counts * norms)

    for image, label, delta in zip(images, labels, result.delta, strict=True):
        x, slope = image.reshape(-1).astype(float), slopes[label] - slopes[1 - label]
        best = scipy.optimize.minimize(
            cost,
            delta.reshape(-1),
            method="SLSQP",
            bounds=list(zip(-x, 1 - x, strict=True)),
            constraints={"type": "ineq", "fun": lambda d, x=x, slope=slope: -slope @ (x + d)},
            options={"maxiter": 500, "ftol": 1e-12},
        )
        assert 0.995 < cost(delta.reshape(-1).astype(float)) / best.fun < 1.01


def test_one_group_per_pixel_is_the_mask_of_one_pixel(exact):
    maps = np.arange(36).reshape(6, 6)
    attack = brief(40, epsilon=None, tau=0.2, refine=False)
    by_map, by_mask = (
        dataclasses.replace(attack, groups=groups)(*exact) for groups in (sa.LabelMap(maps), sa.SlidingMask(1))
    )
    np.testing.assert_array_equal(by_map.success, by_mask.success)
    np.testing.assert_allclose(sa.metrics.l0(by_map.delta), sa.metrics.l0(by_mask.delta), atol=1)


@pytest.mark.slow
def test_groups_are_pruned_and_certified(exact):
    structure = sa.LabelMap(ragged(27, unlabelled=False, groups=8))
    few = sa.solvers.ProxLinear.refining(max_iterations=10)
    attack = brief(40, epsilon=None, groups=structure, refine=sa.Refinement(solver=few))
    plain = attack(*exact)
    pruned = dataclasses.replace(attack, refine=sa.Refinement(solver=few, prune="groups"))(*exact)
    found = plain.success
    counts = [sa.metrics.nonzero_groups(result.delta, structure)[found].mean() for result in (plain, pruned)]
    assert counts[1] < 0.9 * counts[0]
    one = sa.LabelMap(ragged(unlabelled=False))
    unrefined = dataclasses.replace(attack, groups=one, refine=False)
    gap = sa.certificate(unrefined, exact[0], unrefined(*exact)).gap
    assert (gap[np.isfinite(gap)] > -1e-4).all()


def test_labels_of_any_integers_are_numbered_and_maps_are_compared_by_value():
    first = sa.LabelMap([[7, 7], [-3, 100]])
    assert first.number == 2
    np.testing.assert_array_equal(first.labels, [[0, 0], [-1, 1]])
    assert first == sa.LabelMap(np.array([[1, 1], [-1, 2]]))
    assert hash(first) == hash(sa.LabelMap([[1, 1], [-1, 2]]))
    assert first != sa.LabelMap([[1, 2], [-1, 2]])
    assert first != sa.LabelMap([[7, 7], [-3, 100]], unlabelled="fixed")
    record = sa.StrAttack(groups=first).hyper_parameters["groups"]
    assert record["class"] == "LabelMap"
    assert record["labels"]["shape"] == [2, 2]


@pytest.mark.slow
def test_one_trace_serves_maps_of_other_images(exact):
    _, images, labels, _ = exact
    traces = []

    def network(x):
        traces.append(1)
        return tf.reshape(x, [-1, 36]) @ tf.ones([36, 3]) * tf.constant([1.0, 2.0, 3.0])

    counted = sa.Classifier.from_callable(network)
    maps = [sa.LabelMap(ragged(len(images), seed=seed, unlabelled=False)) for seed in (0, 1)]
    for groups in (*maps, sa.SlidingMask(2), sa.SlidingMask(2)):
        traces.append(0)
        brief(3, groups=groups, refine=False)(counted, images, labels % 2, 1 - labels % 2)
    calls = np.add.reduceat(np.array(traces), np.flatnonzero(np.array(traces) == 0))
    assert calls[1] == calls[3], "the network is traced no more often than for the same mask again"


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"labels": np.zeros((2, 2))}, "expected labels that are integers, received float64"),
        ({"labels": np.zeros(4, int)}, r"expected labels of shape (H, W), (N, H, W) or (N, H, W, C), received (4,)"),
        ({"labels": -np.ones((2, 2), int)}, "expected labels of at least one group, received negative ones alone"),
        ({"labels": SQUARES, "unlabelled": "x"}, "expected unlabelled to be one of free, fixed, received 'x'"),
        ({"labels": SQUARES, "weights": "x"}, "expected weights to be one of equal, size, received 'x'"),
    ],
)
def test_other_maps_are_refused(given, message):
    with pytest.raises(sa.InputError) as error:
        sa.LabelMap(**given)
    assert str(error.value) == message


def test_maps_of_other_images_are_refused(exact):
    classifier, images, labels, targets = exact
    with pytest.raises(sa.InputError, match=r"expected labels for images of 6 x 6 pixels, received \(5, 6\)"):
        sa.StrAttack(groups=sa.LabelMap(SQUARES[1:]))(classifier, images, labels, targets)
    with pytest.raises(sa.InputError, match=r"expected labels of at least 27 images, received \(4, 6, 6\)"):
        sa.StrAttack(groups=sa.LabelMap(ragged(4)))(classifier, images, labels, targets)
    with pytest.raises(sa.InputError, match=r"expected labels of 3 images, received \(4, 6, 6\)"):
        sa.metrics.nonzero_groups(np.zeros((3, 6, 6, 1)), sa.LabelMap(ragged(4)))


def test_the_box_of_a_batch_leaves_fixed_pixels_out():
    batch = batch_of(np.full((2, 2, 2, 1), 0.5, np.float32))
    placed = sa.LabelMap([[0, 0], [-1, 1]], unlabelled="fixed").placed(batch)
    np.testing.assert_array_equal(placed.upper[:, :, :, 0], [[[0.5, 0.5], [0.0, 0.5]]] * 2)
