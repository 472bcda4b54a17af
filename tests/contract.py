"""What every attack promises, whatever it minimises."""

import dataclasses

import keras
import numpy as np
import pytest

import tf_strattack as sa
from tf_strattack.acceptance import PROMISES, check
from tf_strattack.acceptance.trial import Trial


def single_step(attack):
    """Whether the method is one of a single step, which reaches fewer targets by its nature."""
    return isinstance(attack, sa.FGM)


def with_numbers(value, numbers):
    """A hyper-parameter with those of `numbers` that it has, at any depth."""
    if not dataclasses.is_dataclass(value):
        return value
    fields = {field.name: getattr(value, field.name) for field in dataclasses.fields(value) if field.init}
    return dataclasses.replace(
        value, **{name: numbers.get(name, with_numbers(part, numbers)) for name, part in fields.items()}
    )


class Contract:
    """What every attack promises, whatever it minimises: a subclass has the fixture `attack`."""

    # The network is compiled again to count its evaluations.
    @pytest.mark.parametrize(
        "promise", [pytest.param(name, marks=[pytest.mark.slow] * (name == "counts")) for name in PROMISES]
    )
    def test_a_promise_is_kept(self, trial, attack, promise):
        verdict = PROMISES[promise](trial)
        assert verdict.kept, verdict
        assert trial.result.success.mean() > (0.5 if single_step(attack) else 0.7), "a promise needs successes"

    @pytest.mark.slow
    def test_an_untargeted_confidence_is_kept(self, exact, attack):
        classifier, images, labels, _ = exact
        report = check(classifier, attack, images, labels, promises=["success", "confidence"])
        assert report.kept, report

    @pytest.mark.slow
    def test_success_and_distances_hold_on_an_independent_path(self, mnist, digits, attack):
        images, labels, targets = (part[:9] for part in digits)
        model = keras.saving.load_model(sa.shipped.model_path("mnist_cnn"))
        trial = Trial(mnist, attack, images, labels, targets, lambda images: model.predict(images, verbose=0))
        assert PROMISES["success"](trial).kept
        assert PROMISES["bounds"](trial).kept
        np.testing.assert_array_equal(trial.result.perturbation, trial.result.adversarial - images)

    def test_whole_numbers_and_numpy_numbers_do_for_any_parameter(self, counted, attack):
        classifier, images, labels, _ = counted
        whole = {"beta": 1, "learning_rate": 1, "gamma": 1, "confidence": 0, "epsilon": 1, "initial_c": 1}
        steps = {"max_iterations": np.int64(3), "steps": np.int64(2), "search_steps": np.int64(1)}
        steps |= {"restarts": np.int64(1)} if isinstance(attack, sa.PGD) else {}
        numpy = {"beta": np.float64(0.5), "grid_ratio": np.float64(1.1), "learning_rate": np.float32(0.1)}
        for values in (whole, numpy):
            result = with_numbers(attack, {**steps, **values})(classifier, images[:4], labels[:4], (labels[:4] + 1) % 4)
            assert len(result) == 4

    def test_one_trace_serves_other_batch_sizes_and_a_second_call(self, counted, attack):
        classifier, images, labels, traced = counted
        targets = (labels + 1) % 4
        attack(classifier, images, labels, targets)
        before = len(traced)
        for rows in (1, 23, 40):
            for confidence in (0.0, 0.2):
                again = dataclasses.replace(attack, confidence=confidence)
                again(classifier, images[:rows], labels[:rows], targets[:rows])
        assert len(traced) == before
