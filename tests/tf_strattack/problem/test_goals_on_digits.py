"""Goals on the shipped networks: what docs/goals.md says of them. `-s` prints the figures."""

import numpy as np
import pytest

import tf_strattack as sa


def digits_of(networks, classes):
    """The first shipped digit of each class that all networks classify correctly, with the 9 targets of each."""
    images, labels, _ = sa.shipped.load_sample()
    correct = np.logical_and.reduce([network.classify(images) == labels for network in networks])
    rows = np.repeat([np.flatnonzero(correct & (labels == digit))[0] for digit in range(classes)], 9)
    targets = np.concatenate([[c for c in range(10) if c != label] for label in labels[rows[::9]]])
    return images, images[rows], labels[rows], targets


@pytest.mark.slow
def test_both_shipped_networks_are_fooled_on_every_example():
    networks = [sa.shipped.load_classifier(name) for name in ("mnist_cnn", "mnist_pgd")]
    _, images, labels, targets = digits_of(networks, 10)
    attack = sa.StrAttack(epsilon=None)
    result = attack(sa.AllOf(networks), images, labels, targets)
    print(f"\nboth: {result.success.mean():.1%} of {len(result)}, l2 {sa.metrics.l2(result.delta).mean():.2f}")
    assert result.success.all()
    for network in networks:
        np.testing.assert_array_equal(network.classify(result.adversarial), targets)
        alone = attack(network, images, labels, targets)
        share = np.mean([(other.classify(alone.adversarial) == targets) for other in networks], axis=1)
        print(
            f"one alone: l2 {sa.metrics.l2(alone.delta).mean():.2f}, fools mnist_cnn {share[0]:.1%}, pgd {share[1]:.1%}"
        )


@pytest.mark.slow
def test_shifted_digits_fool_the_network_on_nine_of_ten_fresh_draws():
    classifier = sa.shipped.load_classifier()
    pool, images, labels, targets = digits_of([classifier], 10)
    attack, shift = sa.StrAttack(epsilon=None), sa.transformations.Shift(2)
    result = attack(sa.Expectation(classifier, shift), images, labels, targets, starting_points=pool)
    plain = attack(classifier, images, labels, targets)
    judge = sa.Expectation(classifier, shift, seed=1)  # draws that the attack has not seen
    for name, found in (("plain", plain), ("expectation", result)):
        share = judge.share(found.adversarial, labels, targets)
        print(
            f"\n{name}: verified {found.success.mean():.1%} of {len(found)}; on 100 draws mean {share.mean():.3f}, "
            f"at least 0.9 for {(share >= 0.9).mean():.1%}; l2 {sa.metrics.l2(found.delta[found.success]).mean():.2f}, "
            f"{found.gradient_evaluations.mean():.0f} gradient evaluations"
        )
        reached = (share >= 0.9).mean()
        assert (reached >= 0.95) == (name == "expectation")
    assert result.success.mean() >= 0.95
