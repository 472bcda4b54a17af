"""Groups that overlap in any way, and groups of channels: against loops over groups, and in every solver."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

import tf_strattack as sa
from tests.builders import brief
from tests.slow import first_quick

BOXES = [[0, 0, 4, 4], [2, 2, 6, 5], [1, 3, 3, 6], [5, 0, 6, 2]]
RAGGED = np.random.default_rng(3).integers(-1, 4, size=(27, 6, 6))


def members(structure, images, height, width, channels):
    """Which entries (G, N, H, W, C) are in which group: the total of every single entry."""
    groups = structure.on((images, height, width, channels))
    entries = np.eye(height * width * channels, dtype=np.float32).reshape(-1, height, width, channels)
    found = []
    for entry in entries:
        total = groups.total(tf.constant(np.repeat(entry[None], images, axis=0)))
        found.append(tf.reshape(total, [images, -1]).numpy())
    return np.moveaxis(np.array(found).reshape(height, width, channels, images, -1), [3, 4], [1, 0])


STRUCTURES = {
    "rows and columns": sa.groups.Union([sa.groups.rows(6, 6), sa.groups.columns(6, 6)]),
    "squares and maps of each image": sa.groups.Union([2, sa.LabelMap(RAGGED), sa.SlidingMask(3, stride=2)]),
    "boxes": sa.groups.objects(BOXES, 6, 6, overlapping=True),
    "patches": sa.groups.patches(6, 6, (4, 3), stride=(2, 2)),
    "channels": sa.groups.channels(6, 6, 3),
    "squares of channels": sa.groups.channels(6, 6, 3, size=2),
    "channels and squares": sa.groups.Union([sa.groups.channels(6, 6, 3), 3]),
}


@pytest.mark.parametrize("name", STRUCTURES)
def test_every_operation_is_that_of_a_loop(name):
    structure, channels = STRUCTURES[name], 3
    groups = structure.on((27, 6, 6, channels))
    held = members(structure, 27, 6, 6, channels)
    rng = np.random.default_rng(1)
    image = rng.normal(size=(27, 6, 6, channels)).astype(np.float32)
    values = rng.normal(size=(27, *groups.shape)).astype(np.float32)
    assert len(held) == groups.number
    flat = values.reshape(27, -1)
    np.testing.assert_allclose(
        tf.reshape(groups.total(image), [27, -1]), np.einsum("gnhwc,nhwc->ng", held, image), rtol=1e-4, atol=1e-5
    )
    np.testing.assert_allclose(
        groups.expand(tf.constant(values), channels), np.einsum("gnhwc,ng->nhwc", held, flat), rtol=1e-4, atol=1e-5
    )
    multiplicity = np.broadcast_to(groups.multiplicity, image.shape)
    np.testing.assert_allclose(multiplicity, held.sum(axis=0))
    copies = groups.gather(tf.constant(image))
    np.testing.assert_allclose(groups.scatter(copies), image * multiplicity, rtol=1e-5, atol=1e-6)
    norms = np.sqrt(np.einsum("gnhwc,nhwc->ng", held, image**2))
    np.testing.assert_allclose(tf.reshape(groups.norms(copies), [27, -1]), norms, rtol=1e-4, atol=1e-5)
    spread = groups.scatter(groups.spread(tf.constant(values)) * tf.ones_like(copies))
    np.testing.assert_allclose(spread, groups.expand(tf.constant(values), channels), rtol=1e-4, atol=1e-5)
    assert groups.complete == bool((multiplicity > 0).all())
    assert structure.overlapping == bool((multiplicity > 1).any())
    assert groups.side == pytest.approx(np.sqrt(held.any(axis=-1).sum() / 27 / len(held)), rel=1e-3)


def in_colour(exact):
    """A network that hardly looks at other pixels than those of the top left, and at one channel most."""
    images = exact[1]
    rng = np.random.default_rng(5)
    seen = np.full((6, 6, 3), 0.01)
    seen[:3, :3, 0] = 1.0
    weights = tf.constant(rng.normal(size=(108, 4)) * seen.reshape(-1, 1), tf.float32)
    colours = np.repeat(images, 3, axis=3)
    colour = sa.Classifier.from_callable(lambda x: tf.nn.relu(tf.reshape(x, [-1, 108])) @ weights)
    labels = colour.predict(colours).argmax(axis=1)
    return colour, colours, labels, (labels + 1) % 4


@pytest.mark.parametrize("change", first_quick([{}, {"solver": "admm"}]))
@pytest.mark.parametrize(
    "name", first_quick(["rows and columns", "squares and maps of each image", "channels and squares"])
)
def test_every_solver_leaves_whole_groups_alone(exact, name, change):
    arguments = in_colour(exact)
    structure = STRUCTURES[name]
    held = members(structure, 27, 6, 6, 3)
    result = brief(30, epsilon=None, groups=structure, tau=5.0, refine=False, **change)(*arguments)
    assert result.success.mean() > 0.9
    counted = np.einsum("gnhwc,nhwc->gn", held, np.abs(result.delta) > 1e-6) > 0
    np.testing.assert_array_equal(sa.metrics.nonzero_groups(result.delta, structure), counted.sum(axis=0))
    assert counted.mean() < 0.8


@pytest.mark.parametrize("maps", first_quick(["of each image", "the same for all"]))
def test_groups_weigh_by_their_size_within_a_union_too(exact, maps):
    labels = np.maximum(RAGGED, 0) if maps == "of each image" else np.maximum(RAGGED[:1], 0)
    structure = sa.groups.Union([sa.LabelMap(labels if len(labels) > 1 else labels[0], weights="size"), 2])
    groups = structure.on((27, 6, 6, 1))
    sizes = [np.bincount(one.reshape(-1), minlength=groups.number - 9) for one in labels]
    expected = np.concatenate([np.sqrt(sizes), np.ones((len(sizes), 9))], axis=1)
    np.testing.assert_allclose(groups.weights[..., 0], expected, rtol=1e-6)
    assert brief(30, epsilon=None, groups=structure, refine=False)(*exact).success.mean() > 0.7


@pytest.mark.slow
def test_a_limit_holds_and_so_does_pruning(exact):
    arguments = in_colour(exact)
    structure = STRUCTURES["boxes"]
    limited = brief(30, epsilon=None, groups=structure, max_groups=3)(*arguments)
    assert limited.success.any()
    assert sa.metrics.nonzero_groups(limited.delta, structure).max() <= 3
    pruned = brief(30, epsilon=None, groups=STRUCTURES["squares of channels"], refine=sa.Refinement(prune="groups"))
    fewer, plain = (
        sa.metrics.nonzero_groups(attack(*arguments).delta, attack.groups).mean()
        for attack in (pruned, dataclasses.replace(pruned, refine=True))
    )
    assert fewer <= plain


@pytest.mark.slow
def test_a_union_of_one_map_twice_is_found_wherever_the_map_is(exact):
    """Each example with its own maps, in any batch."""
    classifier, images, labels, targets = exact
    structure = sa.groups.Union([sa.LabelMap(RAGGED), sa.LabelMap(RAGGED[:, ::-1])])
    attack = brief(20, epsilon=None, groups=structure)
    together = attack(classifier, images, labels, targets)
    streamed = attack(classifier, images, labels, targets, batch_size=8)
    np.testing.assert_array_equal(together.adversarial, streamed.adversarial)
    some = dataclasses.replace(attack, groups=structure[5:9])(classifier, images[5:9], labels[5:9], targets[5:9])
    np.testing.assert_allclose(some.adversarial, together.adversarial[5:9], atol=1e-4)


def test_what_is_in_no_box_stays(exact):
    _, images, labels, targets = exact
    result = brief(30, epsilon=None, groups=STRUCTURES["boxes"])(exact[0], images, labels, targets)
    inside = np.zeros((6, 6), bool)
    for top, left, bottom, right in BOXES:
        inside[top:bottom, left:right] = True
    assert not result.delta[:, ~inside].any()
    free = sa.groups.objects(BOXES, 6, 6, overlapping=True, unlabelled="free")
    assert brief(30, epsilon=None, groups=free, refine=False)(*exact).delta[:, ~inside].any()


def test_records_name_every_part():
    record = sa.StrAttack(groups=STRUCTURES["squares and maps of each image"]).hyper_parameters["groups"]
    assert record["class"] == "Union"
    assert [part["class"] for part in record["structures"]] == ["SlidingMask", "LabelMap", "SlidingMask"]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: sa.groups.Union([2]), "expected a sequence of at least two structures, received [2]"),
        (lambda: sa.groups.Union("ab"), "expected a sequence of at least two structures, received 'ab'"),
        (lambda: sa.groups.Union([2, 3], unlabelled="x"), "expected unlabelled to be one of free, fixed, received 'x'"),
        (lambda: sa.groups.patches(6, 6, (2, 7)), "expected size to be a number at least 1 and at most 6, received 7"),
        (
            lambda: sa.groups.patches(6, 6, (2, 3, 4)),
            "expected size to be a number or a pair of them, received (2, 3, 4)",
        ),
        (
            lambda: sa.groups.patches(6, 6, 2, stride=3),
            "expected stride to be a number at least 1 and at most 2, received 3",
        ),
        (lambda: sa.groups.channels(6, 6, 0), "expected channels to be a whole number of at least 1, received 0"),
        (
            lambda: sa.metrics.nonzero_groups(np.zeros((1, 6, 6, 1)), sa.groups.channels(6, 6, 3)),
            "expected labels of shape (N, 6, 6, 1), received (1, 6, 6, 3)",
        ),
    ],
)
def test_what_does_not_fit_is_refused(make, message):
    with pytest.raises(sa.InputError) as error:
        make()
    assert str(error.value) == message


def test_patches_are_the_simplest_structure_that_has_them():
    assert sa.groups.patches(6, 6, 3, stride=2) == sa.SlidingMask(3, stride=2)
    assert isinstance(sa.groups.patches(6, 6, (2, 3)), sa.LabelMap)
    assert isinstance(sa.groups.objects(BOXES[2:], 6, 6, overlapping=True), sa.LabelMap)
