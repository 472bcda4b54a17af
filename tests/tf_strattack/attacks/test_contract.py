"""What every attack promises, whatever it minimises."""

import dataclasses

import keras
import numpy as np
import pytest

import tf_strattack as sa
from tests.conftest import count_traces
from tf_strattack.problem.distortions import DISTORTIONS

STRUCTURED = {
    "default": {},
    "overlap": {"group_size": 3, "stride": 2},
    "overlap_paper_copies": {
        "group_size": 3,
        "stride": 2,
        "solver": sa.solvers.Admm(copies="paper", max_iterations=150),
    },
    "drop": {"group_size": 4, "border": "drop"},
    "l2_half": {"penalty": "l2_half"},
    "few_groups": {"max_groups": 20},
    "admm": {"solver": "admm"},
    "admm_overlap": {"solver": "admm", "group_size": 3, "stride": 2},
    "paper": {
        "solver": sa.solvers.Paper(max_iterations=60),
        "refine": sa.Refinement(solver=sa.solvers.Paper.refining(max_iterations=20)),
    },
    "untouched": {"refine": False},
}

ATTACKS = {
    **{f"strattack_{name}": sa.StrAttack(**values) for name, values in STRUCTURED.items()},
    "cw_l2": sa.CarliniWagnerL2(epsilon=0.6, initial_c=0.1, search_steps=4, max_iterations=100, learning_rate=0.05),
    "ead_en": sa.ElasticNet(epsilon=0.6, initial_c=0.1, search_steps=4, max_iterations=100, learning_rate=0.05),
    "fgm_l1": sa.FGM(epsilon=0.6, norm="l1"),
    "fgm_l2": sa.FGM(epsilon=0.6, norm="l2"),
    "ifgm_linf": sa.IFGM(epsilon=0.6, grid_ratio=1.2, steps=4),
    "ifgm_l2": sa.IFGM(epsilon=0.6, norm="l2", grid_ratio=1.2, steps=4),
    # Without groups: the framework as other attacks' problems.
    **{
        f"admm_{name}": sa.StrAttack(epsilon=0.6, distortion=name, tau=0.0, solver="admm", refine=False)
        for name in DISTORTIONS
    },
    "sparse_in_entries": sa.StrAttack(distortion=sa.distortions.ElasticNet(beta=0.5)),
}


# Variants whose code the others run, too.
SLOW = {
    "strattack_overlap_paper_copies",
    "strattack_drop",
    "strattack_untouched",
    "fgm_l1",
    "ifgm_l2",
    "admm_l1",
    "admm_en",
    "admm_linf",
    "admm_l2",
    "strattack_admm_overlap",
    "sparse_in_entries",
}


def single_step(attack):
    """Whether the method is one of a single step, which reaches fewer targets by its nature."""
    return isinstance(attack, sa.FGM)


@pytest.fixture(
    params=[pytest.param(name, marks=[pytest.mark.slow] * (name in SLOW)) for name in ATTACKS], scope="module"
)
def attack(request):
    return ATTACKS[request.param]


def test_the_result_of_an_example_does_not_depend_on_its_batch(exact, attack):
    classifier, images, labels, targets = exact
    together = attack(classifier, images, labels, targets)
    assert together.success.mean() > (0.5 if single_step(attack) else 0.7), "the comparison needs successes"
    for rows in (1, 3, 8):
        part = attack(classifier, images[:rows], labels[:rows], targets[:rows])
        np.testing.assert_array_equal(part.adversarial, together.adversarial[:rows])
        np.testing.assert_array_equal(part.c, together.c[:rows])
    streamed = attack(classifier, images, labels, targets, batch_size=10)
    np.testing.assert_array_equal(streamed.adversarial, together.adversarial)


def test_success_and_distances_hold_on_an_independent_path(mnist, digits, attack):
    images, labels, targets = (part[:9] for part in digits)
    result = attack(mnist, images, labels, targets)
    model = keras.saving.load_model(sa.shipped.model_path("mnist_cnn"))
    predicted = model.predict(result.adversarial, verbose=0).argmax(axis=1)
    np.testing.assert_array_equal(predicted == targets, result.success)
    np.testing.assert_array_equal(result.perturbation, result.adversarial - images)
    np.testing.assert_array_equal(result.adversarial[~result.success], images[~result.success])
    assert result.adversarial.dtype == np.float32
    assert result.adversarial.min() >= 0.0
    assert result.adversarial.max() <= 1.0
    assert np.abs(result.perturbation).max() <= 0.6 + 1e-6


def test_nothing_changes_outside_the_mask(mnist, digits, attack):
    images, labels, targets = (part[:9] for part in digits)
    mask = np.zeros((28, 28), bool)
    mask[4:24, 6:22] = True
    result = attack(mnist, images, labels, targets, mask=mask)
    assert result.success.any()
    np.testing.assert_array_equal(result.adversarial[:, ~mask], images[:, ~mask])


def test_a_mask_for_each_example_does_what_one_for_all_does(exact):
    classifier, images, labels, targets = exact
    mask = np.zeros((6, 6), bool)
    mask[1:, :5] = True
    one, each = (
        sa.StrAttack()(classifier, images, labels, targets, mask=given)
        for given in (mask, np.repeat(mask[None], len(images), axis=0))
    )
    assert one.success.any()
    np.testing.assert_array_equal(one.adversarial[:, ~mask], images[:, ~mask])
    np.testing.assert_array_equal(each.adversarial, one.adversarial)


@pytest.mark.parametrize("targeted", [True, False])
def test_a_confidence_is_reached_and_one_out_of_reach_returns_the_original(exact, attack, targeted):
    classifier, images, labels, targets = exact
    for confidence in (0.1, 1e6):
        asked = dataclasses.replace(attack, confidence=confidence)
        result = asked(classifier, images, labels, targets if targeted else None)
        logits = classifier.predict(result.adversarial).astype(float)
        rows, chosen = np.arange(len(logits)), targets if targeted else labels
        own = logits[rows, chosen].copy()
        logits[rows, chosen] = -np.inf
        lead = (own - logits.max(axis=1)) * (1 if targeted else -1)
        assert (lead[result.success] >= confidence - 1e-5).all()
        np.testing.assert_array_equal(result.adversarial[~result.success], images[~result.success])
        assert np.isfinite(result.c).all()
        enough = 0.4 if single_step(attack) else 0.6
        assert result.success.mean() > enough if confidence < 1 else not result.success.any()


def with_numbers(value, numbers):
    """A hyper-parameter with those of `numbers` that it has, at any depth."""
    if not dataclasses.is_dataclass(value):
        return value
    fields = {field.name: getattr(value, field.name) for field in dataclasses.fields(value) if field.init}
    return dataclasses.replace(
        value, **{name: numbers.get(name, with_numbers(part, numbers)) for name, part in fields.items()}
    )


def test_whole_numbers_and_numpy_numbers_do_for_any_parameter(attack):
    classifier, images, labels, _ = count_traces(4, seed=2)
    whole = {"beta": 1, "learning_rate": 1, "gamma": 1, "confidence": 0, "epsilon": 1, "initial_c": 1}
    steps = {"max_iterations": np.int64(3), "steps": np.int64(2), "search_steps": np.int64(1)}
    numpy = {"beta": np.float64(0.5), "grid_ratio": np.float64(1.1), "learning_rate": np.float32(0.1)}
    for values in (whole, numpy):
        result = with_numbers(attack, {**steps, **values})(classifier, images, labels)
        assert len(result) == 4


def test_one_trace_serves_other_batch_sizes_and_a_second_call(attack):
    classifier, images, labels, traced = count_traces(40, seed=1)
    targets = (labels + 1) % 4
    attack(classifier, images, labels, targets)
    before = len(traced)
    for rows in (1, 23, 40):
        for confidence in (0.0, 0.2):
            again = dataclasses.replace(attack, confidence=confidence)
            again(classifier, images[:rows], labels[:rows], targets[:rows])
    assert len(traced) == before
