"""What every attack promises, whatever it minimises."""

import dataclasses

import keras
import numpy as np
import pytest

import tf_strattack as sa


def single_step(attack):
    """Whether the method is one of a single step, which reaches fewer targets by its nature."""
    return isinstance(attack, sa.FGM)


def farthest(attack, delta):
    """By how much the farthest perturbation is from what `epsilon` of the attack limits: its norm, or each pixel."""
    norm = getattr(sa.metrics, attack.norm) if isinstance(attack, sa.PGD) else sa.metrics.linf
    return norm(delta).max() - attack.epsilon


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

    def test_the_result_of_an_example_does_not_depend_on_its_batch(self, exact, attack):
        classifier, images, labels, targets = exact
        together = attack(classifier, images, labels, targets)
        assert together.success.mean() > (0.5 if single_step(attack) else 0.7), "the comparison needs successes"
        for rows in (1, 3, 8):
            part = attack(classifier, images[:rows], labels[:rows], targets[:rows])
            np.testing.assert_array_equal(part.adversarial, together.adversarial[:rows])
            np.testing.assert_array_equal(part.c, together.c[:rows])
        streamed = attack(classifier, images, labels, targets, batch_size=10)
        np.testing.assert_array_equal(streamed.adversarial, together.adversarial)

    def test_success_and_distances_hold_on_an_independent_path(self, mnist, digits, attack):
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
        assert farthest(attack, result.perturbation) <= 1e-6 * (1 + attack.epsilon)

    def test_nothing_changes_outside_the_mask(self, mnist, digits, attack):
        images, labels, targets = (part[:9] for part in digits)
        mask = np.zeros((28, 28), bool)
        mask[4:24, 6:22] = True
        result = attack(mnist, images, labels, targets, mask=mask)
        assert result.success.any()
        np.testing.assert_array_equal(result.adversarial[:, ~mask], images[:, ~mask])

    @pytest.mark.parametrize("targeted", [True, False])
    def test_a_confidence_is_reached_and_one_out_of_reach_returns_the_original(self, exact, attack, targeted):
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
