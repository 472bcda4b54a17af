"""Attacks with groups get those of their images from the work on a shard."""

import numpy as np
import pytest

import tf_strattack as sa
from eval.inputs.attacks import make_attack
from eval.inputs.examples import Examples
from eval.inputs.groups import parse_groups
from eval.runs.work import Work


@pytest.mark.parametrize(
    ("name", "given"),
    [("strattack", ["refine=false", "max_iterations=20"]), ("sigma_zero_groups", ["max_iterations=30"])],
)
def test_the_groups_of_a_file_reach_the_attack_by_the_names_of_its_images(tmp_path, exact, name, given):
    classifier, images, labels, targets = exact
    images, labels, targets = (part[:8] for part in (images, labels, targets))
    ids = np.array([f"image{row}" for row in range(8)])
    maps = np.random.default_rng(0).integers(0, 4, size=(8, 6, 6))
    np.savez(tmp_path / "maps.npz", labels=maps[::-1], image_ids=ids[::-1])
    grouping = parse_groups(f"file:{tmp_path / 'maps.npz'}")
    work = Work(make_attack(name, given, grouping.for_attack), False, grouping, None)
    outcome = work(classifier, Examples(images, labels, targets, ids, ids))
    attack = make_attack(name, given, sa.LabelMap(maps))
    expected = attack(classifier, images, labels, targets)
    assert expected.success.any()
    np.testing.assert_array_equal(outcome.result.adversarial, expected.adversarial)
