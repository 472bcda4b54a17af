"""The claims of the paper in a comparison, against loops."""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

import tf_strattack as sa
from eval.studies.comparison import claims


@pytest.fixture(scope="module")
def results(exact):
    """A dense and a sparse result of the same examples, and the classifier."""
    classifier, images, labels, targets = exact
    dense = sa.IFGM(norm="l2", grid_ratio=1.05)(classifier, images, labels, targets)
    sparse = sa.StrAttack()(classifier, images, labels, targets)
    return dense, sparse, classifier


def succeeds(classifier, result, row, delta):
    image = np.clip(result.images[row] + delta, 0, 1)[None].astype(np.float32)
    return classifier.predict(image)[0].argmax() == result.targets[row]


def test_thresholding_keeps_the_largest_changes_and_counts_who_succeeds(results):
    dense, sparse, classifier = results
    held = []
    for row in np.flatnonzero(dense.success & sparse.success):
        number = int(sa.metrics.l0(sparse.delta[row : row + 1])[0])
        flat = dense.delta[row].ravel().copy()
        flat[np.argsort(-np.abs(flat))[number:]] = 0.0
        held.append(succeeds(classifier, dense, row, flat.reshape(dense.delta[row].shape)))
    found = claims.thresholded([dense], [sparse], classifier)
    assert found == {"share": pytest.approx(np.mean(held)), "num_examples": len(held)}
    assert 0.0 < found["share"] < 1.0


def test_runs_of_different_examples_are_not_compared(results):
    dense, sparse, classifier = results
    names = np.array([f"image_{row}" for row in range(len(dense))])
    one, other = dataclasses.replace(dense, example_ids=names), dataclasses.replace(sparse, example_ids=names[::-1])
    with pytest.raises(ValueError, match="different examples"):
        claims.thresholded([one], [other], classifier)


def test_the_sparse_pattern_is_tested_as_it_is_and_after_retraining(results):
    dense, _, classifier = results
    found = claims.sparse_success([dense], classifier)
    rows = np.flatnonzero(dense.success)
    restricted = []
    for row in rows:
        delta = dense.delta[row]
        sigma = np.sort(np.abs(delta[np.abs(delta) > 1e-6]))
        sigma = sigma[int(np.floor(0.03 * (len(sigma) - 1)))]
        restricted.append(succeeds(classifier, dense, row, np.where(np.abs(delta) < sigma - 1e-6, 0.0, delta)))
    assert found["restricted"] == pytest.approx(np.mean(restricted))
    assert found["restricted"] <= found["retrained"] <= 1.0
    assert found["num_examples"] == len(rows)


def test_a_claim_that_is_interrupted_is_no_figure(results, monkeypatch):
    dense, _, classifier = results

    def interrupted(*_, **__):
        return dataclasses.replace(dense, interrupted=True)

    monkeypatch.setattr(sa.Refinement, "__call__", interrupted)
    for claim in (claims.refinement, claims.sparse_success):
        with pytest.raises(KeyboardInterrupt):
            claim([dense], classifier)


def test_refinement_is_measured_over_the_successes(results):
    dense, _, classifier = results
    found = claims.refinement([dense], classifier)
    assert found["num_examples"] == dense.success.sum()
    assert found["before"]["l2"] == pytest.approx(sa.metrics.l2(dense.delta[dense.success]).mean())
    assert found["after"]["l2"] < found["before"]["l2"]
    assert found["after"]["l0"] < found["before"]["l0"]


def test_success_respects_the_scale_and_the_confidence_of_a_run():
    def brightness(images):
        total = tf.reduce_sum(images, [1, 2, 3])
        return tf.stack([total, tf.fill(tf.shape(total), 10.0)], axis=1)

    classifier = sa.Classifier.from_callable(brightness, bounds=(0, 10))
    images = np.full((1, 2, 2, 1), 2.0, np.float32)
    result = sa.StrAttack(group_size=1, confidence=1.0, epsilon=None)(classifier, images, [1], [0])
    assert result.success.all()
    assert claims.sparse_success([result], classifier)["restricted"] == 1.0
    assert claims.thresholded([result], [result], classifier) == {"share": 1.0, "num_examples": 1}
    # Less of the change still alters the class, but misses the confidence.
    less = dataclasses.replace(result, adversarial=images + np.float32(0.8) * (result.adversarial - images))
    assert classifier.predict(less.adversarial).argmax() == 0
    assert claims.thresholded([less], [result], classifier)["share"] == 0.0
