"""The intervals of a comparison's ratios, over images."""

import types

import numpy as np
import pytest

import tf_strattack as sa
from eval.inputs.examples import image_ids
from eval.studies.comparison.intervals import ratio_intervals


def run_of(deltas, success):
    """A result of three targets per image, with a change of each size in `deltas` (N,) at one pixel."""
    number = len(deltas)
    delta = np.zeros((number, 2, 2, 1))
    delta[:, 0, 0, 0] = deltas
    names = np.array([f"image_{row // 3:03d}_to_{row % 3}" for row in range(number)])
    return types.SimpleNamespace(delta=delta, success=np.asarray(success), example_ids=names, targets=names)


def test_intervals_are_those_of_the_average_case_over_images():
    rng = np.random.default_rng(3)
    ours, theirs = rng.uniform(0.1, 0.5, 300), rng.uniform(0.5, 0.9, 300)
    success = rng.random(300) < 0.9
    one, other = run_of(ours, success), run_of(theirs, np.ones(300, bool))
    found = ratio_intervals([one], [other], seed=4)
    assert found == ratio_intervals([one], [other], seed=4)
    assert found["l0"] == [1.0, 1.0]
    blocks = [
        sa.metrics.best_average_worst({"l2": v}, s, image_ids(one), seed=4)["average"]
        for v, s in ((ours, success), (theirs, np.ones(300, bool)))
    ]
    low, high = found["l2"]
    assert low < blocks[0]["l2"] / blocks[1]["l2"] < high
    # The delta method on the independent means of two uniform distributions.
    spread = blocks[0]["l2"] / blocks[1]["l2"] * np.sqrt((0.4**2 / 12 / 0.3**2 / 0.9 + 0.4**2 / 12 / 0.7**2) / 100)
    assert high - low == pytest.approx(2 * 1.96 * spread, rel=0.3)
    fewer = ratio_intervals([run_of(ours[:75], success[:75])], [run_of(theirs[:75], np.ones(75, bool))], seed=4)
    assert fewer["l2"][1] - fewer["l2"][0] > 1.3 * (high - low)


def test_there_is_no_interval_without_successes_or_with_one_image():
    sizes, all_of_them = np.full(9, 0.5), np.ones(9, bool)
    assert ratio_intervals([run_of(sizes, ~all_of_them)], [run_of(sizes, all_of_them)], seed=0)["l2"] is None
    alone = run_of(sizes[:3], all_of_them[:3])
    assert ratio_intervals([alone], [alone], seed=0)["l2"] is None
