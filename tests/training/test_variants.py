"""A few real epochs of each variant on tiny data."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tf_strattack.transformations import Noise
from training import variants
from training.changed_images import NoiseTraining, transformed
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


def test_noise_is_in_the_images_of_each_step_and_follows_from_seed_and_step(task):
    network = task.build("float32")
    seen = []

    class Recorded(NoiseTraining):
        def change(self, images, probabilities, **options):
            changed = super().change(images, probabilities, **options)
            seen.append((images.numpy(), changed.numpy()))
            return changed

    for seed in (3, 3, 4):
        model = Recorded(network, 0.1, seed=seed)
        model.compile(keras.optimizers.SGD(0.0), "categorical_crossentropy", run_eagerly=True)
        model.fit(np.full((32, 28, 28, 1), 0.5, np.float32), np.eye(10)[np.arange(32) % 10], batch_size=16, verbose=0)
    for images, changed in seen:
        np.testing.assert_allclose((changed - images).std(), 0.1, atol=0.005)
        assert 0.0 <= changed.min() <= changed.max() <= 1.0
        assert len(np.unique(changed[:, 0, 0, 0])) == 16, "every image has noise of its own"
    first, second, *again, other, _ = (changed for _, changed in seen)
    assert not np.array_equal(first, second)
    assert not np.array_equal(first, other)
    np.testing.assert_array_equal([first, second], again)


def test_accuracy_under_a_change_is_that_of_the_changed_images():
    threshold = keras.Sequential([keras.Input((28, 28, 1)), keras.layers.GlobalMaxPooling2D(), keras.layers.Dense(2)])
    # Class 1 where a pixel exceeds 0.9: with this noise everywhere, and never without.
    threshold.set_weights([np.array([[0.0, 1.0]], np.float32), np.array([0.9, 0.0], np.float32)])
    grey = Split(np.full((8, 28, 28, 1), 0.5, np.float32), np.eye(2, dtype=np.float32)[np.zeros(8, int)])
    assert accuracy(threshold, grey) == 1.0

    def noisy(images, batch):
        return transformed(images, Noise(0.5), tf.stack([0, batch]))

    assert accuracy(threshold, grey, noisy) == 0.0


def test_an_ensemble_is_the_mean_of_networks_with_seeds_of_their_own_and_trains_none_twice(task, monkeypatch):
    fitted = []

    def recorded(build, train, test, recipe, **options):
        fitted.append((recipe.seed, options["backup_dir"].name))
        keras.utils.set_random_seed(recipe.seed)
        return build("float32")

    monkeypatch.setattr(variants, "fit", recorded)
    ensemble, found = variants.train_ensemble(task, 3)
    assert fitted == [(0, "member_0"), (1, "member_1"), (2, "member_2")]
    members = [keras.saving.load_model(task.workspace / f"member_{number}.keras") for number in range(3)]
    images = task.test.images[:5]
    wanted = np.mean([member.predict_on_batch(images) for member in members], axis=0)
    np.testing.assert_allclose(ensemble.predict_on_batch(images), wanted, atol=1e-6)
    assert found == {"members_test_accuracies": [accuracy(member, task.test) for member in members]}
    ensemble.save(task.workspace / "ensemble.keras")
    loaded = keras.saving.load_model(task.workspace / "ensemble.keras")
    np.testing.assert_allclose(loaded.predict_on_batch(images), wanted, atol=1e-6)
    variants.train_ensemble(task, 3)
    assert len(fitted) == 3


@pytest.mark.slow
def test_noise_training_learns(task):
    network, found = variants.train_noise(task, 0.2)
    assert accuracy(network, task.test) > 0.6
    assert 0.5 < found["noise_test_accuracy"] <= 1.0


@pytest.mark.slow
def test_pgd_learns_and_reports_the_accuracy_under_attack(task):
    network, found = variants.train_pgd(task, PGD(0.1, 2))
    clean = accuracy(network, task.test)
    assert clean > 0.5
    assert found["pgd_test"] == {"epsilon": 0.1, "steps": 40, "step_size": None, "restarts": 2}
    assert 0 < found["pgd_test_accuracy"] < clean
