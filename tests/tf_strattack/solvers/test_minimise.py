"""Finished examples leave the batch: which, when, to what sizes, and that nothing else changes."""

import dataclasses

import numpy as np
import pytest

import tf_strattack as sa
from tests.builders import brief, count_traces, exact_rows
from tf_strattack.solvers.minimise import batch_sizes


@pytest.mark.parametrize("size", [16, 17, 27, 90, 256])
def test_a_batch_shrinks_to_few_sizes(size):
    sizes = batch_sizes(size, (28, 28, 1))
    assert sizes == sorted(set(sizes))
    assert sizes[0] >= 16
    assert sizes[-1] == size
    assert len(sizes) <= 6


def many(rows=96):
    classifier = sa.Classifier.from_callable(exact_rows())
    images = np.random.default_rng(2).uniform(size=(rows, 6, 6, 1)).astype(np.float32)
    labels = classifier.predict(images).argmax(axis=1)
    return classifier, images, labels, (labels + 1 + np.arange(rows) % 3) % 4


@pytest.mark.parametrize("solver", ["prox_linear", "admm"])
def test_finished_examples_cost_nothing_and_the_rest_is_not_disturbed(solver):
    classifier, images, labels, targets = many()
    kind = {"prox_linear": sa.solvers.ProxLinear, "admm": sa.solvers.Admm}[solver]
    few = {"max_iterations": 150, "patience": 20}
    attack = sa.StrAttack(solver=kind(**few), fallback=sa.solvers.Admm(**few), restarts=0, refine=False)
    result = attack(classifier, images, labels, targets)
    gradients = result.gradient_evaluations[result.success]
    assert gradients.min() < 151
    sizes = {rows for kind, rows in result.calls if kind == "gradient"}
    assert len(sizes) > 1, "no example left"
    # What the first solver misses is another batch.
    alone = dataclasses.replace(attack, fallback=False)(classifier, images, labels, targets)
    missed = int((~alone.success).sum())
    assert sizes <= set(batch_sizes(96, (6, 6, 1))) | set(batch_sizes(max(16, missed), (6, 6, 1)))
    evaluated = sum(rows * calls for (kind, rows), calls in result.calls.items() if kind == "gradient")
    assert evaluated < 96 * 151
    # Padding is the evaluated rows that do not count.
    assert result.gradient_evaluations.sum() <= evaluated
    for row in (0, 50, 95):
        alone = attack(classifier, *(part[row : row + 1] for part in (images, labels, targets)))
        np.testing.assert_array_equal(alone.adversarial[0], result.adversarial[row])
        # In company it may have to wait until the batch can shrink.
        assert alone.gradient_evaluations[0] <= result.gradient_evaluations[row]


def test_an_impatient_attack_succeeds_as_often_with_fewer_evaluations(exact):
    classifier, images, labels, targets = exact
    patient = brief(110, patience=1000, refine=False)(classifier, images, labels, targets)
    hasty = brief(110, patience=10, refine=False)(classifier, images, labels, targets)
    assert hasty.gradient_evaluations.mean() < patient.gradient_evaluations.mean()
    np.testing.assert_array_equal(patient.success, hasty.success)


@pytest.mark.slow
def test_shrinking_does_not_trace_again():
    classifier, images, labels, traced = count_traces(96, seed=2)
    attack = brief(110, patience=15)
    attack(classifier, images, labels, (labels + 1) % 4)
    before = len(traced)
    result = attack(classifier, images[::-1], labels[::-1], (labels[::-1] + 2) % 4)
    assert len({rows for kind, rows in result.calls if kind == "gradient"}) > 2
    assert len(traced) == before
