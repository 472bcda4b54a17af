"""Promises are found kept where they are, and broken where an attack or a network breaks them, with the reason."""

import dataclasses
import json
import sys
from concurrent.futures import ThreadPoolExecutor

import keras
import numpy as np
import pytest

import tf_strattack as sa
from tests import broken
from tf_strattack.acceptance.costs import Watch
from tf_strattack.acceptance.limits import asymmetric_mask
from tf_strattack.acceptance.trial import Trial

# Attack → the promise that it breaks, the line about it, and other promises that fall with it.
ATTACKS = {
    "ClaimsSuccess": ("success", "count as successes, which the network's own output denies", {"confidence", "8 bits"}),
    "ReturnsFailures": ("success", "count as failures, but are not the original", {"confidence", "mask"}),
    "LeavesTheBounds": ("bounds", "pixels are outside [0, 1], by up to 1.19e-07", set()),
    "GivesUpInSmallBatches": ("batch", "the first 9 examples: ", set()),
    "IgnoresConfidence": ("confidence", "examples lead by less than the confidence of", set()),
    "IgnoresEpsilon": ("epsilon", "the largest change", set()),
    "IgnoresTheMask": ("mask", "pixels outside the mask have changed", set()),
    "TakesNoMask": ("mask", "TypeError: TakesNoMask.__call__() got an unexpected keyword argument 'mask'", {"counts"}),
    "CountsHalf": ("counts", "forward evaluations are reported and", set()),
    "Unseeded": ("determinism", "the same call again differs in c", set()),
    "LooksAtTheRowBefore": ("batch", "the last success alone: 1 of 1 images differ", set()),
    "ChangesTheMask": ("mask", "pixels outside the mask have changed", set()),
    "TakesEasyTargets": ("success", "count as successes, which the network's own output denies", {"*"}),
    "ForgetsLabels": ("bounds", "the labels of the result are not those of the call", set()),
    "SucceedsInNumbers": ("success", "the attack returned success of int64, not bool", {"*"}),
    "FindsNothing": ("bounds", "pixels are NaN or infinite", {"*"}),
    "AlwaysRaises": ("success", "ValueError: not today", {"*"}),
    "Exits": ("success", "SystemExit: 0", {"*"}),
    "LeavesOutTheLast": ("success", "ValueError: the attack returned images of shape (26, 6, 6, 1) for 27", {"*"}),
    "ReturnsImages": ("success", "ValueError: the attack returned ndarray, not an AttackResult", {"*"}),
    "ReportsSmallChanges": ("bounds", "the bounds of the result are not those of the call", set()),
    "BoastsWithAMask": ("success", "count as successes, which the network's own output denies", set()),
    "GreysFailuresNearby": ("success", "count as failures, but are not the original", set()),
    "FillsTheBox": ("mask", "pixels outside the mask have changed", set()),
    "TurnsTheMask": ("mask", "pixels outside the mask have changed", set()),
    "CountsNothingWithAMask": ("counts", "with a mask and a confidence, 0 gradient evaluations are reported", set()),
    "LosesItsWay": ("epsilon", "changes are NaN or infinite", {"success", "bounds"}),
    "LooksTooLate": ("clean accuracy", "the network's output 100.0%", set()),
}

# The promise in whose run the broken one shows.
BEFORE = {"BoastsWithAMask": ["mask"], "GreysFailuresNearby": ["epsilon"]}


@pytest.mark.parametrize("name", ATTACKS)
def test_a_broken_promise_is_found_with_its_reason(exact, name):
    classifier, images, labels, targets = exact
    promise, reason, _ = ATTACKS[name]
    promises = [*BEFORE.get(name, []), promise]
    report = sa.acceptance.check(classifier, getattr(broken, name)(), images, labels, targets, promises=promises)
    assert report.broken == (promise,)
    assert f"{promise}: BROKEN, " in str(report)
    assert reason in str(report)


@pytest.mark.slow
@pytest.mark.parametrize("name", ATTACKS)
def test_no_other_promise_is_broken(exact, name):
    classifier, images, labels, targets = exact
    promise, _, others = ATTACKS[name]
    report = sa.acceptance.check(classifier, getattr(broken, name)(), images, labels, targets)
    assert set(report.broken) == {promise, *others} or ("*" in others and promise in report.broken)
    json.dumps(report.record(), allow_nan=False)


def test_successes_that_8_bits_do_not_hold_are_found():
    report = sa.acceptance.check(*arguments_between_levels(), promises=["success", "8 bits"])
    assert report.broken == ("8 bits",)
    assert "8 bits: BROKEN, 6 of 6 successes are lost in 8 bits" in str(report)


@pytest.mark.slow
def test_a_network_that_only_8_bits_fail_keeps_the_other_promises():
    assert sa.acceptance.check(*arguments_between_levels()).broken == ("8 bits",)


def arguments_between_levels():
    classifier, images, labels = broken.between_levels()
    return classifier, sa.FGM(), images, labels


def test_what_an_attack_may_have_is_no_fault(exact):
    """A constant that is NaN, as there is none, and a seed of NumPy."""
    classifier, images, labels, targets = exact
    attack = broken.HasNoConstant(seed=np.int64(3))
    report = sa.acceptance.check(classifier, attack, images, labels, targets, promises=["determinism"])
    assert report.kept, report
    assert json.loads(json.dumps(report.record()))[0]["details"] == {"seed": 3, "differ": []}


def test_the_mask_that_is_tried_is_not_what_its_turns_and_its_box_are():
    for height, width in ((6, 6), (28, 28), (32, 24), (224, 224), (8, 8)):
        mask = asymmetric_mask(height, width)
        box = np.outer(mask.any(axis=1), mask.any(axis=0))
        assert 0.2 < mask.mean() < 0.6
        for other in (mask[::-1], mask[:, ::-1], mask[::-1, ::-1], box):
            assert (other != mask).any()


def test_the_owner_s_output_decides_and_not_the_classifier_s(exact):
    classifier, images, labels, targets = exact

    def other(images):
        return -classifier.predict(images)

    report = sa.acceptance.check(classifier, sa.FGM(), images, labels, targets, owner=other, promises=["success"])
    assert report.broken == ("success",)


def test_what_does_not_apply_is_neither_kept_nor_broken(exact):
    classifier, images, labels, targets = exact
    hopeless = sa.FGM(epsilon=1e-6)
    names = ["success", "epsilon", "mask", "confidence", "8 bits", "batch"]
    report = sa.acceptance.check(classifier, hopeless, images[:1], labels[:1], targets[:1], promises=names)
    assert [verdict.kept for verdict in report.verdicts] == [True, *[None] * 5]
    assert report.kept
    assert "epsilon: not applicable, no example has succeeded" in str(report)


def test_a_limit_within_which_nothing_succeeds_shows_nothing(exact):
    report = sa.acceptance.check(exact[0], broken.GivesUpWithEpsilon(), *exact[1:], promises=["success", "epsilon"])
    assert [verdict.kept for verdict in report.verdicts] == [True, None]
    assert "epsilon: not applicable, with " in str(report)


def test_a_report_is_plain_values(exact):
    classifier, images, labels, _ = exact
    report = sa.acceptance.check(classifier, sa.FGM(), images, labels, promises=["success", "epsilon", "batch"])
    record = json.loads(json.dumps(report.record()))
    assert [entry["promise"] for entry in record] == ["success", "epsilon", "batch"]
    assert all(entry["kept"] is True for entry in record)
    assert record[0]["details"]["examples"] == 27


@pytest.mark.slow
def test_rows_that_differ_in_their_last_bits_leave_five_per_cent(mnist, digits):
    """The shipped network's rows are not equal in all batches; success is, and the objective nearly so."""
    report = sa.acceptance.check(mnist, sa.FGM(), *digits, promises=["batch"])
    assert report.kept, report


def test_maps_of_each_image_follow_their_images(exact):
    classifier, images, labels, _ = exact
    maps = np.random.default_rng(0).integers(0, 9, size=(27, 6, 6))
    attack = dataclasses.replace(sa.StrAttack(groups=sa.LabelMap(maps), restarts=0), refine=False, fallback=False)
    assert sa.acceptance.check(classifier, attack, images, labels, promises=["batch"]).kept


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"attack": sa.FGM}, "expected an attack, of a class that derives from sa.Attack, received <class"),
        ({"images": np.zeros((0, 6, 6, 1))}, "expected at least one image, received none"),
        ({"promises": ["sucess"]}, "expected a promise to be one of confidence, epsilon"),
        ({"owner": 3}, "expected owner to be a function"),
    ],
)
def test_mistakes_are_refused(exact, values, message):
    classifier, images, labels, _ = exact
    given = {"attack": sa.FGM(), "images": images, **values}
    labels = labels[: len(given["images"])]
    with pytest.raises(sa.InputError) as error:
        sa.acceptance.check(classifier, labels=labels, **given)
    assert message in str(error.value)


def test_calls_that_several_threads_make_at_once_are_all_counted():
    before = sys.getswitchinterval()
    watch, places = Watch(40), np.arange(40, dtype=np.int32)
    sys.setswitchinterval(1e-6)
    try:
        with ThreadPoolExecutor(8) as threads:
            list(threads.map(lambda number: watch._note("forward", places), range(4000)))
    finally:
        sys.setswitchinterval(before)
    assert (watch.evaluations["forward"] == 4000).all()
    assert watch.rows["forward"] == 4000 * 40


def test_ctrl_c_ends_the_check(exact):
    classifier, images, labels, _ = exact

    class Interrupted(sa.FGM):
        def __call__(self, *arguments, **options):
            return dataclasses.replace(super().__call__(*arguments, **options), interrupted=True)

    with pytest.raises(KeyboardInterrupt):
        Trial(classifier, Interrupted(), images, labels).run()


@pytest.mark.parametrize("activation", ["sigmoid", None])
def test_a_network_of_one_score_has_two_classes(activation):
    layers = [keras.Input((6, 6, 1)), keras.layers.Flatten(), keras.layers.Dense(1, activation=activation)]
    network = keras.Sequential(layers)
    images = np.random.default_rng(0).uniform(size=(6, 6, 6, 1)).astype(np.float32)
    threshold = 0.5 if activation else 0.0
    labels = (network.predict(images, verbose=0)[:, 0] > threshold).astype(int)

    def owner(images):
        return network.predict(images, verbose=0)

    names = ["success", "confidence", "clean accuracy"]
    report = sa.acceptance.check(network, sa.FGM(), images, labels, owner=owner, promises=names)
    assert [verdict.kept for verdict in report.verdicts] == [True] * 3, report
