"""Adversarial images on the 8-bit lattice: they still fool the network, within the pixels and limits they had."""

import numpy as np
import pytest

import tf_strattack as sa
from eval.inputs.datasets import read_dataset
from eval.inputs.examples import Selection, make_shards
from eval.inputs.targets import parse_targets
from tests.builders import brief, count_traces, linear_network
from tests.slow import first_quick


def on_lattice(images, bounds=(0.0, 1.0)):
    return sa.images.from_uint8(sa.images.to_uint8(images, bounds), bounds)


def check(classifier, images, result, stored, labels, targets, epsilon=None, confidence=0.0):
    """What is promised of every quantization of `result`."""
    bounds = classifier.bounds
    np.testing.assert_array_equal(stored.adversarial, on_lattice(stored.adversarial, bounds))
    np.testing.assert_array_equal(stored.images, on_lattice(images, bounds))
    changed = (np.abs(stored.delta) > 1e-6) & stored.success[:, None, None, None]
    assert not (changed & (np.abs(result.delta) <= 1e-6)).any(), "a pixel changed that the perturbation left alone"
    np.testing.assert_array_equal(stored.adversarial[~stored.success], stored.images[~stored.success])
    if epsilon is not None:
        assert np.abs(stored.delta).max() <= epsilon + 1e-6
    logits = classifier.predict(stored.adversarial).astype(float)
    rows, chosen = np.arange(len(logits)), labels if targets is None else targets
    own = logits[rows, chosen].copy()
    logits[rows, chosen] = -np.inf
    lead = (own - logits.max(axis=1)) * (-1 if targets is None else 1)
    np.testing.assert_array_equal(stored.success, lead >= max(confidence, 1e-9))


@pytest.mark.parametrize(
    "attack", first_quick([sa.StrAttack(), sa.FGM(norm="linf", epsilon=0.6), sa.IFGM(steps=3, grid_ratio=1.2)])
)
def test_digits_still_fool_the_network_from_files(mnist, digits, attack, tmp_path):
    images, labels, targets = digits
    result = attack(mnist, images, labels, targets)
    stored = sa.quantize(mnist, images, result.adversarial, labels, targets, epsilon=attack.epsilon)
    check(mnist, images, result, stored, labels, targets, epsilon=attack.epsilon)
    assert result.success.sum() >= 5
    assert (stored.success >= result.success).all()
    assert (
        sa.metrics.l2(stored.delta)[result.success].mean() <= 1.01 * sa.metrics.l2(result.delta)[result.success].mean()
    )
    read = []
    for number, levels in enumerate(sa.images.to_uint8(stored.adversarial)):
        sa.images.write_png(tmp_path / f"{number}.png", levels)
        read.append(sa.images.read_png(tmp_path / f"{number}.png"))
    reread = mnist.predict(sa.images.from_uint8(np.stack(read))).argmax(axis=1) == targets
    np.testing.assert_array_equal(reread, stored.success)


def rounding_breaks():
    """A linear network, and perturbations that lie so close to its boundary that rounding undoes most of them."""
    weights, classifier, images, labels, targets = linear_network(400)
    images = on_lattice(images)
    slope = weights[targets] - weights[labels]
    flat = images.reshape(len(images), -1)
    lead = ((flat @ weights.T)[np.arange(6), labels] - (flat @ weights.T)[np.arange(6), targets])[:, None]
    delta = slope * (lead * 1.00001 + 1e-5) / np.square(slope).sum(axis=1, keepdims=True)
    adversarial = (flat + delta).reshape(images.shape)
    keep = ((adversarial >= 0) & (adversarial <= 1)).all(axis=(1, 2, 3))
    return classifier, images[keep], adversarial[keep].astype(np.float32), labels[keep], targets[keep]


def test_what_rounding_makes_harmless_is_repaired():
    classifier, images, adversarial, labels, targets = rounding_breaks()
    assert len(images) >= 3
    rounded = classifier.predict(on_lattice(adversarial)).argmax(axis=1) == targets
    assert not rounded.all(), "the comparison needs some that rounding breaks"
    stored = sa.quantize(classifier, images, adversarial, labels, targets)
    assert stored.success.all()
    moved = np.abs(stored.adversarial - on_lattice(adversarial)) * 255
    assert moved.max() < 2.001, "a level is enough, or two where another class comes in between"
    np.testing.assert_array_equal(moved[rounded], 0)
    assert (stored.gradient_evaluations[rounded] == 1).all()


@pytest.mark.parametrize("bounds", [(0.0, 255.0), pytest.param((-0.5, 0.5), marks=pytest.mark.slow)])
def test_the_scale_of_the_images_does_not_matter(mnist, digits, bounds):
    images, labels, targets = (part[:9] for part in digits)
    low, high = bounds
    scaled = sa.Classifier.from_callable(lambda x: mnist.logits((x - low) / (high - low)), bounds=bounds)
    result = brief(60)(mnist, images, labels, targets)

    def rescale(values):
        return np.clip(low + (high - low) * values, low, high)

    stored = sa.quantize(scaled, rescale(images), rescale(result.adversarial), labels, targets, epsilon=0.6)
    plain = sa.quantize(mnist, images, result.adversarial, labels, targets, epsilon=0.6)
    assert stored.success.all()
    ours, theirs = sa.images.to_uint8(stored.adversarial, bounds), sa.images.to_uint8(plain.adversarial)
    assert (ours != theirs).mean() < 0.01


@pytest.mark.parametrize("targeted", [True, False])
@pytest.mark.parametrize("confidence", [0.0, 0.05])
def test_any_perturbation_any_goal_and_a_confidence(exact, targeted, confidence):
    classifier, images, labels, targets = exact
    goal = targets if targeted else None
    images = on_lattice(images)
    result = sa.StrAttack(confidence=confidence)(classifier, images, labels, goal)
    stored = sa.quantize(
        classifier, images, result.adversarial, labels, goal, epsilon=0.6, confidence=confidence, batch_size=10
    )
    check(classifier, images, result, stored, labels, goal, epsilon=0.6, confidence=confidence)
    assert stored.success.sum() >= 0.9 * result.success.sum() > 10


def test_epsilon_holds_in_levels(exact):
    classifier, images, labels, targets = exact
    images = on_lattice(images)
    for epsilon in (0.3, 10.4 / 255):
        result = sa.StrAttack(epsilon=epsilon)(classifier, images, labels, targets)
        stored = sa.quantize(classifier, images, result.adversarial, labels, targets, epsilon=epsilon)
        check(classifier, images, result, stored, labels, targets, epsilon=epsilon)
        assert stored.success.any()
        assert np.abs(stored.delta).max() == pytest.approx(np.floor(epsilon * 255 + 1e-3) / 255, abs=1e-6)


def test_originals_between_the_levels_are_rounded_and_unchanged_pixels_with_them(exact):
    classifier, images, labels, targets = exact
    assert (images != on_lattice(images)).any()
    result = sa.StrAttack()(classifier, images, labels, targets)
    stored = sa.quantize(classifier, images, result.adversarial, labels, targets)
    check(classifier, images, result, stored, labels, targets)
    assert stored.success.sum() >= 0.9 * result.success.sum()


def test_images_that_are_not_adversarial_come_back_as_the_originals(exact):
    classifier, images, labels, targets = exact
    stored = sa.quantize(classifier, images, images, labels, targets)
    assert not stored.success.any()
    np.testing.assert_array_equal(stored.adversarial, on_lattice(images))


def test_the_result_of_an_example_does_not_depend_on_its_batch(exact):
    classifier, images, labels, targets = exact
    result = sa.StrAttack()(classifier, images, labels, targets)
    whole = sa.quantize(classifier, images, result.adversarial, labels, targets)
    for rows in (1, 5):
        part = sa.quantize(classifier, images[:rows], result.adversarial[:rows], labels[:rows], targets[:rows])
        np.testing.assert_array_equal(part.adversarial, whole.adversarial[:rows])


def test_one_trace_serves_every_call():
    classifier, images, labels, traced = count_traces(20, seed=3)
    adversarial = np.clip(images + 0.1, 0, 1)
    sa.quantize(classifier, images, adversarial, labels)
    before = len(traced)
    sa.quantize(classifier, images[:7], adversarial[:7], labels[:7], epsilon=0.2, confidence=0.1)
    assert len(traced) == before


def test_mistakes_are_reported(exact):
    classifier, images, labels, targets = exact
    with pytest.raises(sa.InputError, match="expected max_steps to be a whole number of at least 1, received 0"):
        sa.quantize(classifier, images, images, labels, max_steps=0)
    with pytest.raises(sa.InputError, match="expected adversarial images of the images' shape"):
        sa.quantize(classifier, images, images[:3], labels, targets)
    with pytest.raises(sa.InputError, match="within the classifier's bounds"):
        sa.quantize(classifier, images, images + 1, labels, targets)


@pytest.mark.slow
@pytest.mark.parametrize(("network", "dataset"), [("mnist_cnn", "mnist"), ("cifar10_cnn", "cifar10")])
def test_files_succeed_as_often_as_float_images(network, dataset, shared):
    """At least 99 % of the float success, and no more changed entries, on real test images and for any attack."""
    classifier = sa.shipped.load_classifier(network)
    data = read_dataset(dataset, data_dir=str(shared / "tfds"), split="test", download=False)
    three = parse_targets("random:3")
    examples = next(make_shards(Selection(data.records, classifier, 40), classifier, three, rows=120, seed=0))
    arguments = examples.labels, examples.targets
    broken = 0
    for attack in (
        sa.StrAttack(),
        sa.StrAttack(group_size=3, stride=2),
        sa.StrAttack(penalty="l2_half"),
        sa.IFGM(norm="linf", steps=10),
        sa.CarliniWagnerL2(search_steps=3, max_iterations=150, initial_c=1.0),
        sa.ElasticNet(search_steps=3, max_iterations=150, initial_c=1.0),
    ):
        result = attack(classifier, examples.images, *arguments)
        stored = sa.quantize(classifier, examples.images, result.adversarial, *arguments, epsilon=attack.epsilon)
        reread = classifier.predict(sa.images.from_uint8(sa.images.to_uint8(stored.adversarial)))
        success = reread.argmax(axis=1) == examples.targets
        assert success.sum() >= 0.99 * result.success.sum() > 0, attack.name
        assert (sa.metrics.l0(stored.delta) <= sa.metrics.l0(result.delta))[success].all(), attack.name
        naive = classifier.predict(on_lattice(result.adversarial)).argmax(axis=1) == examples.targets
        broken += (result.success & ~naive).sum()
    assert broken > 0, "rounding alone would have done"
