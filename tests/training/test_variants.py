"""A few real epochs of each variant on tiny data."""

import keras
import numpy as np
import pytest

from training import variants
from training.data import Split, load_splits
from training.fit import Recipe, accuracy
from training.nets import mnist_cnn
from training.pgd import PGD


@pytest.fixture
def task(tiny_mnist, tmp_path):
    train, test = load_splits("mnist", data_dir=str(tiny_mnist), download=False, num_classes=10)
    recipe = Recipe(epochs=4, batch_size=16, learning_rate=1e-3, precision="float32", augment=False, seed=0)
    return variants.Task(mnist_cnn, train, test, recipe, tmp_path, None)


@pytest.mark.slow
def test_standard_learns(task):
    network, found = variants.train_standard(task)
    assert found == {}
    assert accuracy(network, task.test) > 0.7
    logits = network.predict_on_batch(task.test.images)
    np.testing.assert_allclose(
        accuracy(network, task.test), (logits.argmax(axis=1) == task.test.probabilities.argmax(axis=1)).mean()
    )


def test_a_student_learns_the_teacher_s_soft_labels_from_weights_of_its_own(task, monkeypatch):
    fitted = []

    def recorded(build, train, test, recipe, **options):
        keras.utils.set_random_seed(recipe.seed)
        network = build("float32")
        fitted.append((network, train.probabilities, recipe.seed, options["temperature"]))
        return network

    monkeypatch.setattr(variants, "fit", recorded)
    student, found = variants.train_distilled(task, 20.0)
    (teacher, hard, teacher_seed, hot), (same, soft, student_seed, equally_hot) = fitted
    assert student is same
    assert hot == equally_hot == 20.0
    assert teacher_seed != student_seed
    np.testing.assert_array_equal(hard, task.train.probabilities)
    np.testing.assert_allclose(soft, keras.ops.softmax(teacher.predict(task.train.images) / 20.0), atol=1e-6)
    assert found == {"teacher_test_accuracy": accuracy(teacher, task.test)}


@pytest.mark.slow
def test_distilled_learns_and_does_not_train_a_finished_teacher_again(task):
    student, found = variants.train_distilled(task, 5.0)
    assert accuracy(student, task.test) > 0.5
    assert found["teacher_test_accuracy"] > 0.5
    teacher = task.workspace / "teacher.keras"
    before = teacher.stat().st_mtime_ns
    again, _ = variants.train_distilled(task, 5.0)
    assert teacher.stat().st_mtime_ns == before
    for left, right in zip(student.get_weights(), again.get_weights(), strict=True):
        np.testing.assert_array_equal(left, right)


def test_adversarial_learns_from_both_sets(task, monkeypatch):
    seen = []
    monkeypatch.setattr(variants, "fit", lambda build, train, *rest, **options: seen.append(train) or build("float32"))
    added = Split(task.train.images[:7] * 0.5, task.train.probabilities[:7])
    variants.train_adversarial(task, added)
    (train,) = seen
    assert len(train) == len(task.train) + 7
    np.testing.assert_array_equal(train.images[-7:], added.images)
    np.testing.assert_array_equal(train.probabilities[-7:], added.probabilities)


@pytest.mark.slow
def test_pgd_learns_and_reports_the_accuracy_under_attack(task):
    network, found = variants.train_pgd(task, PGD(0.1, 2))
    clean = accuracy(network, task.test)
    assert clean > 0.5
    assert found["pgd_test"] == {"epsilon": 0.1, "steps": 40, "step_size": None, "restarts": 2}
    assert 0 < found["pgd_test_accuracy"] < clean
