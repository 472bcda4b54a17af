"""Attacks with groups get those of their images from the work on a shard."""

import numpy as np
import pytest

import tf_strattack as sa
from eval.inputs.attacks import describe_attack, make_attack
from eval.inputs.examples import Examples
from eval.inputs.groups import parse_groups
from eval.runs.work import Work
from tests.programs import check_mistakes, server_of


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


def test_groups_of_the_attack_s_own_are_not_those_that_are_counted(digits):
    images, labels, targets = (part[:2] for part in digits)
    ids = np.array(["a", "b"])
    counted = parse_groups("squares:7")
    attack = make_attack("strattack_superpixels", ["refine=false", "max_iterations=20"], counted.for_attack)
    outcome = Work(attack, False, counted, None)(
        sa.shipped.load_classifier(), Examples(images, labels, targets, ids, ids)
    )
    own = sa.groups.superpixels(images, 64)
    expected = make_attack("strattack", ["refine=false", "max_iterations=20"], own)(
        sa.shipped.load_classifier(), images, labels, targets
    )
    np.testing.assert_array_equal(outcome.result.adversarial, expected.adversarial)
    np.testing.assert_array_equal(
        outcome.measures["nonzero_groups"], sa.metrics.nonzero_groups(expected.delta, groups=counted.for_attack)
    )
    assert attack.hyper_parameters["groups"]["groups"] == "superpixels:64"


def test_groups_in_words_are_a_parameter_of_every_attack_with_groups():
    default = parse_groups("squares:3").for_attack
    for name in ("strattack", "sigma_zero_groups"):
        assert make_attack(name, ["groups=rows"], default).groups == parse_groups("rows")
        assert make_attack(name, ["groups=squares:5"], default).groups == sa.SlidingMask(5)
        assert make_attack(name, [], default).groups == default
    assert make_attack("strattack", ["groups=squares:3:2"], default).groups == sa.SlidingMask(3, 2)
    assert make_attack("strattack_superpixels", ["group_size=3"], default).groups == sa.SlidingMask(3)
    with pytest.raises(sa.InputError, match=r"^expected --groups=.*received 'blobs'$"):
        make_attack("strattack", ["groups=blobs"])
    assert "groups=superpixels:64" in describe_attack("strattack_superpixels")


def test_own_groups_of_a_file_fit_or_are_refused_by_the_program(tmp_path):
    images, labels, _ = sa.shipped.load_sample()
    np.savez(tmp_path / "data.npz", x_test=images[:2], y_test=labels[:2])
    np.savez(tmp_path / "small.npz", labels=np.zeros((9, 9), int))
    maps = np.stack([np.arange(784).reshape(28, 28) // 28] * 2)
    np.savez(tmp_path / "maps.npz", labels=maps, image_ids=["data_test_0", "data_test_1"])
    given = [f"--dataset={tmp_path / 'data.npz'}", "--targets=random", f"--output_dir={tmp_path / 'out'}"]
    own = "--attack_parameters=max_iterations=20,refine=false,groups=file:"
    fitting = "for 28 x 28 pixels in --groups=file:"
    check_mistakes("eval.attack", [([*given, f"{own}{tmp_path / 'small.npz'}"], fitting)])
    status, _, err = server_of("eval.attack").run(*given, f"{own}{tmp_path / 'maps.npz'}")
    assert status == 0, err
    refused = "expected attacks whose groups are the same for all images, received strattack with superpixels:64"
    named = ["--sections=attacks", "--attack=strattack", "--attack_parameters=groups=superpixels:64"]
    check_mistakes("eval.benchmark", [(named, refused)])
