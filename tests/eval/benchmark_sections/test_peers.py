"""The sections peers and foolbox: what other programs return, judged as ours is."""

import sys

import numpy as np
import pytest
import tensorflow as tf

import tf_strattack as sa
from eval.benchmarks.foolbox_peer import measure_foolbox
from eval.benchmarks.peers import COLUMNS as PEERS
from eval.benchmarks.peers import measure_peers
from eval.benchmarks.tables import section_table
from tf_strattack.problem.batch import Batch
from tf_strattack.problem.goals.misclassify import Misclassify


def test_what_a_peer_returned_is_judged_before_and_after_it_is_made_valid(net):
    images, labels, targets = net.examples(3)
    # Black pixels that go below 0, against the margin's gradient: nothing is left of that on valid pixels.
    goal = Misclassify(net.classifier, targeted=True)
    batch = Batch.build(net.classifier.bounds, images, targets, np.ones((1, 1, 1, 1), np.float32), epsilon=None)
    delta = tf.zeros_like(images)
    for _ in range(40):
        _, gradient = goal.margin_and_gradient(batch, delta)
        delta = tf.clip_by_value(delta - 0.1 * tf.sign(gradient), -2.0, 0.0) * (images == 0)
    below = images + delta.numpy()
    assert (net.classifier.logits(below).numpy().argmax(axis=1) == targets).any()
    found = np.concatenate([below[:2], np.full_like(images[:1], np.nan)])
    few = net._replace(images=images, labels=labels, targets=targets, peers={"some": found, "later": found * np.nan})
    ours, stored, some = measure_peers([few, net])
    assert (ours["setting"], ours["num_examples"], ours["num_outside"], ours["farthest"]) == ("strattack", 3, 0, 0.0)
    assert ours["asr_as_returned"] == ours["asr"] == 1.0
    assert (stored["setting"], stored["asr"], stored["asr_rounded"]) == ("strattack, quantize", 1.0, 1.0)
    assert (some["net"], some["setting"], some["num_examples"], some["num_outside"]) == (net.name, "some", 2, 2)
    assert some["farthest"] == -below[:2].min()
    reached = net.classifier.logits(below[:2]).numpy().argmax(axis=1) == targets[:2]
    assert some["asr_as_returned"] == reached.mean() > 0
    assert (some["asr"], some["asr_rounded"]) == (0.0, 0.0)
    assert section_table("peers", [some], PEERS).text().splitlines()[-1].count("%") == 3


def test_what_a_peer_returned_is_judged_in_8_bits(net):
    images, labels, targets = net.examples(2)
    result = sa.StrAttack()(net.classifier, images, labels, targets)
    stored = sa.quantize(net.classifier, images, result.adversarial, labels, targets)
    assert stored.success.all()
    # Close enough to be rounded to images that fool the network; these themselves need not.
    near = np.clip(stored.adversarial + np.float32(0.4 / 255), 0, 1)
    few = net._replace(images=images, labels=labels, targets=targets, peers={"near": near, "none": images})
    *_, rounded, none = measure_peers([few])
    assert (rounded["asr_rounded"], none["asr_rounded"]) == (1.0, 0.0)


@pytest.mark.slow
def test_c_and_w_and_ead_are_no_farther_than_foolbox_and_faster(net):
    pytest.importorskip("foolbox")
    rows = {(row["attack"], row["whose"]): row for row in measure_foolbox([net], examples=9, iterations=200)}
    # In 200 iterations C&W misses two targets, in both programs.
    for attack, measure, share, reached in (("cw_l2", "l2", 0.35, 7 / 9), ("ead_en", "l1", 0.5, 1.0)):
        ours, theirs = rows[attack, "ours"], rows[attack, "foolbox"]
        assert ours["asr"] >= theirs["asr"]
        assert ours["asr"] >= reached
        assert ours[measure] <= 1.02 * theirs[measure]
        assert ours["time_ratio"] <= share


def test_the_section_foolbox_says_what_it_needs(net, monkeypatch):
    monkeypatch.setitem(sys.modules, "foolbox", None)
    with pytest.raises(sa.InputError, match="expected Foolbox for the section foolbox, received none: pip install"):
        measure_foolbox([net], examples=1, iterations=1)
