"""sigma-zero against its formulas, written out in NumPy step by step, and by what it reaches."""

import numpy as np
import pytest
import tensorflow as tf

import tf_strattack as sa
from tests.builders import originals_of, problem_of
from tf_strattack.attacks.sigma_zero import Numbers

RNG = np.random.default_rng(0)
IMAGES = RNG.uniform(size=(5, 4, 6, 2))
WEIGHTS, BEND = RNG.normal(size=IMAGES.shape[1:]), RNG.normal(size=IMAGES.shape[1:])
ITERATIONS = 60
# Squares; squares that overlap; a map whose pixels are partly in no group, and whose groups count by their sizes, which
# are squares, as roots in float32 would make the comparison inexact.
LABELS = np.array([[0, 0, 0, 0, 2, 2], [1, 1, 1, 0, 0, 2], [1, 1, 1, 0, 0, 2], [1, 1, 1, 0, -1, 3]])
GROUPS = {
    "entries": None,
    "squares": sa.SlidingMask(2),
    "overlapping": sa.SlidingMask(3, stride=1),
    "map": sa.LabelMap(LABELS, weights="size"),
}


def margin_and_gradient(delta):
    """A margin that bends, (N,), and its gradient: some of the examples reach 0 and return."""
    delta = np.asarray(delta)
    margins = 2.0 + (WEIGHTS * delta + 0.5 * BEND * delta**2).sum(axis=(1, 2, 3))
    return margins, WEIGHTS + BEND * delta


def members(groups):
    """Which pixels each group has, (G, H, W) booleans, and the weights (G,), written out."""
    if groups == GROUPS["map"]:
        held = np.stack([LABELS == label for label in range(4)])
        return held, np.sqrt(held.sum(axis=(1, 2)))
    size, step = groups.size, groups.stride
    held = []
    for top in range(0, 4 - size + 1, step):
        for left in range(0, 6 - size + 1, step):
            held.append(np.zeros((4, 6), bool))
            held[-1][top : top + size, left : left + size] = True
    return np.stack(held), np.ones(len(held))


def norms_of(delta, held):
    return np.stack([np.sqrt((delta**2 * group[..., None]).sum(axis=(0, 1, 2))) for group in held])


def smooth(delta, groups, sigma):
    """The gradient of the mean of d^2 / (d^2 + sigma), over entries or groups, of one example."""
    if groups is None:
        return 2 * delta * sigma / (delta**2 + sigma) ** 2 / delta.size
    held, weights = members(groups)
    gradient = np.zeros_like(delta)
    for group, weight in zip(held, weights, strict=True):
        square = (delta[group] ** 2).sum()
        gradient[group] += weight * 2 * delta[group] * sigma / (square + sigma) ** 2 / len(held)
    return gradient


def without_small(delta, groups, threshold):
    if groups is None:
        return np.where(np.abs(delta) < threshold, 0, delta)
    kept = np.ones(delta.shape[:2], bool)
    for group in members(groups)[0]:
        if np.sqrt((delta[group] ** 2).sum()) < threshold:
            kept &= ~group
    return delta * kept[..., None]


def written_out(groups, *, eta, sigma, tau, rate, required):
    """All iterates, thresholds and successes, an example at a time: algorithm 1 of arXiv 2402.01879 with Adam."""
    deltas, thresholds, successes = [], [], []
    for image in range(len(IMAGES)):
        delta, first, second, threshold = np.zeros_like(WEIGHTS), 0.0, 0.0, tau
        course = []
        for i in range(ITERATIONS):
            margin, slope = (part[0] for part in margin_and_gradient(delta[None]))
            fooled = margin + required <= 0
            gradient = (0 if fooled else slope) + smooth(delta, groups, sigma)
            gradient = gradient / max(np.abs(gradient).max(), 1e-12)
            first, second = 0.9 * first + 0.1 * gradient, 0.999 * second + 0.001 * gradient**2
            step = eta * (0.1 + 0.9 * (1 + np.cos(np.pi * i / ITERATIONS)) / 2)
            move = first / (1 - 0.9 ** (i + 1)) / (np.sqrt(second / (1 - 0.999 ** (i + 1))) + 1e-8)
            delta = np.clip(IMAGES[image] + delta - step * move, 0, 1) - IMAGES[image]
            threshold = np.clip(threshold + (1 if fooled else -1) * rate * step, 0, 1)
            delta = without_small(delta, groups, threshold)
            course.append((delta, threshold, fooled))
        for kept, part in zip((deltas, thresholds, successes), zip(*course, strict=True), strict=True):
            kept.append(np.stack(part))
    return (np.stack(part, axis=1) for part in (deltas, thresholds, successes))


@pytest.mark.parametrize("name", GROUPS)
def test_every_step_is_the_formula(name):
    groups, values = GROUPS[name], {"eta": 0.5, "sigma": 1e-2, "tau": 0.2, "rate": 0.03, "required": 0.01}
    deltas, thresholds, successes = written_out(groups, **values)
    assert 0.1 < successes.mean() < 0.95, "the comparison needs both"
    objective = {} if groups is None else {"groups": groups.of(4, 6)}
    problem = problem_of(IMAGES, margin_and_gradient, **objective)
    attack = sa.SigmaZero(groups=groups, max_iterations=ITERATIONS, threshold=values["tau"])
    originals = originals_of(len(IMAGES), required=values["required"])
    wide = (tf.constant(float(v), tf.float64) for v in (values["eta"], ITERATIONS, 1e-2, 0.2, values["rate"]))
    numbers = Numbers(originals.required, *wide)
    iterate = attack.init(problem, tf.zeros_like(problem.batch.images), originals.margins)
    seen = [iterate.delta.numpy()]
    for k in range(ITERATIONS):
        iterate, candidate = attack.step(tf.constant(k), iterate, problem, numbers)
        np.testing.assert_allclose(iterate.delta, deltas[k], atol=1e-7)
        np.testing.assert_allclose(iterate.threshold, thresholds[k], atol=1e-12)
        np.testing.assert_array_equal(candidate.succeeded, successes[k])
        np.testing.assert_array_equal(candidate.delta, seen[-1])
        seen.append(iterate.delta.numpy())
        counted = np.abs(seen[-2]) > 1e-6
        if groups is None:
            expected = counted.sum(axis=(1, 2, 3))
        else:
            held, weights = members(groups)
            hit = np.stack([(counted.any(axis=3) & group).any(axis=(1, 2)) for group in held])
            expected = weights @ hit
        np.testing.assert_allclose(candidate.objective, expected, rtol=1e-7)


def test_parameters_are_those_of_the_attack(exact):
    attack = sa.SigmaZero(learning_rate=0.5, sigma=0.1, threshold=0.2, threshold_rate=0.3, max_iterations=7)
    problem = problem_of(IMAGES, margin_and_gradient)
    numbers = attack.parameters(problem, originals_of(5))
    assert [round(float(number), 6) for number in numbers[1:]] == [0.5, 7, 0.1, 0.2, 0.3]


@pytest.mark.parametrize("groups", [None, 3])
@pytest.mark.parametrize("targeted", [True, False])
def test_on_a_linear_network_it_comes_near_the_fewest_entries_or_groups(groups, targeted):
    rng = np.random.default_rng(3)
    weights = rng.normal(size=(36,)).astype(np.float32) * np.exp(rng.normal(size=36)).astype(np.float32)
    matrix = tf.constant(np.stack([weights, -weights], axis=1))
    classifier = sa.Classifier.from_callable(lambda x: tf.reshape(x - 0.5, [-1, 36]) @ matrix)
    images = rng.uniform(0.3, 0.7, size=(12, 6, 6, 1)).astype(np.float32)
    logits = classifier.predict(images)[:, 0]
    labels = (logits < 0).astype(int)
    result = sa.SigmaZero(groups=groups, max_iterations=400)(
        classifier, images, labels, 1 - labels if targeted else None
    )
    assert result.success.all()
    # The most that each entry can take off the leading logit, and each group of entries.
    away = -np.sign(logits)[:, None] * weights
    gains = np.abs(weights) * np.where(away > 0, 1 - images.reshape(12, 36), images.reshape(12, 36))
    if groups is not None:
        gains = gains.reshape(12, 2, 3, 2, 3).sum(axis=(2, 4)).reshape(12, 4)
    order = np.sort(gains, axis=1)[:, ::-1].cumsum(axis=1)
    fewest = (order < np.abs(logits)[:, None] * 1.001).sum(axis=1) + 1
    count = sa.metrics.l0(result.delta) if groups is None else sa.metrics.nonzero_groups(result.delta, groups)
    assert (count >= fewest).all()
    assert (count <= fewest + 1).all()
    assert (count == fewest).mean() > 0.5


def test_each_iteration_is_one_gradient_and_an_original_that_fools_costs_no_more_than_a_look(exact):
    classifier, images, labels, targets = exact
    result = sa.SigmaZero(max_iterations=30)(classifier, images, labels, targets)
    assert (result.gradient_evaluations == 30).all()
    assert (result.forward_evaluations == 3).all()
    already = sa.SigmaZero(max_iterations=30)(classifier, images, targets, labels)
    assert already.success.all()
    np.testing.assert_array_equal(already.adversarial, images)
    assert (already.gradient_evaluations == 10).all()


def test_with_a_map_for_each_image_each_has_its_own_groups(exact):
    classifier, images, labels, _ = exact
    rng = np.random.default_rng(0)
    maps = rng.integers(0, 5, size=(27, 6, 6))
    attack = sa.SigmaZero(groups=sa.LabelMap(maps), max_iterations=150)
    result = attack(classifier, images, labels)
    assert result.success.mean() > 0.7
    alone = sa.SigmaZero(groups=sa.LabelMap(maps[4]), max_iterations=150)(classifier, images[4:5], labels[4:5])
    np.testing.assert_array_equal(alone.adversarial[0], result.adversarial[4])


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"max_iterations": 0}, "expected max_iterations to be a whole number of at least 1, received 0"),
        ({"learning_rate": 0}, "expected learning_rate to be a number above 0, received 0"),
        ({"sigma": -1.0}, "expected sigma to be a number above 0, received -1.0"),
        ({"threshold": 2}, "expected threshold to be a number at least 0 and at most 1, received 2"),
        ({"threshold_rate": -0.1}, "expected threshold_rate to be a number at least 0, received -0.1"),
        ({"groups": "2"}, "expected groups to be a mask such as SlidingMask(3, stride=2), received '2'"),
    ],
)
def test_wrong_hyper_parameters_are_refused(values, message):
    with pytest.raises(sa.InputError) as error:
        sa.SigmaZero(**values)
    assert str(error.value) == message
