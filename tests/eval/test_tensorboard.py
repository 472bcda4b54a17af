"""Event files, read back by TensorBoard's own reader."""

import importlib.util
import json
import shutil

import numpy as np
import pytest
import tensorflow as tf
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.util import tensor_util

import tf_strattack as sa
from eval.inputs.examples import Examples
from eval.inputs.groups import parse_groups
from eval.runs.tensorboard import SCALARS, Summaries
from eval.runs.work import Work, work_here
from tests.builders import brief
from tests.directories import results, shards
from tests.programs import server_of
from tf_strattack.programs.running import tensorboard_directory

QUICK = "--attack_parameters=max_iterations=25,fallback.max_iterations=25,refine.max_iterations=5"


def read(run):
    """The curves of a run as lists of (step, value), its images, and what is said of them."""
    events = EventAccumulator(str(run), size_guidance={"tensors": 0})
    events.Reload()
    found = {tag: events.Tensors(tag) for tag in events.Tags()["tensors"]}
    shown = found.pop("examples", [])
    curves = {
        tag: [(event.step, float(tensor_util.make_ndarray(event.tensor_proto))) for event in points]
        for tag, points in found.items()
    }
    encoded = [image for event in shown for image in tensor_util.make_ndarray(event.tensor_proto)[2:]]
    about = events.SummaryMetadata("examples").summary_description if shown else ""
    return curves, [tf.io.decode_png(image).numpy() / 255 for image in encoded], about


def small(exact, rows=8):
    """The first rows of the small classifier's examples."""
    classifier, images, labels, targets = exact
    names = np.array([f"image_{row}" for row in range(rows)])
    return classifier, Examples(images[:rows], labels[:rows], targets[:rows], names, names)


def silent(progress):
    pass


@pytest.fixture(scope="module")
def logged(tmp_path_factory):
    """A run of two shards that logs into its own directory."""
    directory = tmp_path_factory.mktemp("run") / "out"
    status, _, err = server_of("eval.attack").run(
        "--num_images=2",
        "--batch_size=9",
        QUICK,
        f"--output_dir={directory}",
        f"--tensorboard_dir={directory / 'logs'}",
    )
    assert status == 0, err
    return directory


def test_every_shard_is_a_run_with_its_curves(logged):
    assert sorted(path.name for path in (logged / "logs").iterdir()) == ["shard_00000", "shard_00001"]
    for number in range(2):
        curves, _, _ = read(logged / "logs" / f"shard_{number:05d}")
        assert curves.keys() == {f"{stage}/{name}" for stage in ("attack", "refinement") for name in SCALARS}
        for points in curves.values():
            steps = [step for step, _ in points]
            assert steps == sorted(set(steps))
        assert curves["attack/success_rate"][0][0] == 1
        assert curves["attack/success_rate"][-1][0] < curves["refinement/objective"][0][0] <= 25 + 5
        result = results(logged)[number]
        delta = result.delta[result.success]
        assert curves["refinement/objective"][-1][1] == pytest.approx(np.square(delta).sum((1, 2, 3)).mean(), rel=1e-5)
        assert curves["refinement/success_rate"][-1][1] == pytest.approx(result.success.mean())


def test_images_are_the_original_the_perturbation_and_the_adversarial_one(logged):
    _, images, about = read(logged / "logs" / "shard_00001")
    result = results(logged)[1]
    assert len(images) == 4
    for image, index in zip(images, (0, 3, 5, 8), strict=True):
        original, perturbation, adversarial = np.split(image, 3, axis=1)
        np.testing.assert_allclose(original, result.images[index], atol=1 / 255)
        np.testing.assert_allclose(adversarial, result.adversarial[index], atol=1 / 255)
        np.testing.assert_allclose(perturbation[result.delta[index] == 0], 0.5, atol=1 / 255)
        largest = np.unravel_index(np.abs(result.delta[index]).argmax(), result.delta[index].shape)
        assert perturbation[largest] == (result.delta[index][largest] > 0)
        assert result.example_ids[index] in about


def test_where_a_run_logs_is_not_of_its_configuration(logged):
    assert "logs" not in (logged / "config.json").read_text()
    assert "logs" in json.loads((logged / "metrics.json").read_text())["command"]


@pytest.mark.slow
def test_shards_that_are_there_are_not_logged_again(logged, tmp_path):
    copy, logs = tmp_path / "out", tmp_path / "logs"
    shutil.copytree(logged, copy)
    shards(copy)[1].unlink()
    given = ["--num_images=2", "--batch_size=9", QUICK, f"--output_dir={copy}", f"--tensorboard_dir={logs}"]
    status, _, err = server_of("eval.attack").run(*given)
    assert status == 0, err
    assert [path.name for path in logs.iterdir()] == ["shard_00001"]


def test_batches_of_a_shard_are_runs_of_their_own(exact, tmp_path):
    classifier, examples = small(exact)
    work = Work(brief(15, refine=False), False, parse_groups("squares:2"), 5)
    [(_, outcome)] = work_here(work, classifier, [(7, examples)], 8, Summaries(tmp_path))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["shard_00007", "shard_00007_batch_1"]
    for name, rows in (("shard_00007", slice(5)), ("shard_00007_batch_1", slice(5, 8))):
        curves, images, _ = read(tmp_path / name)
        steps, rates = zip(*curves["attack/success_rate"], strict=True)
        assert list(steps) == sorted(set(steps))
        assert list(rates) == sorted(rates)
        assert rates[-1] == pytest.approx(outcome.result.success[rows].mean())
        assert len(images) == (4 if rows.start is None else 0)


def test_what_a_directory_holds_is_kept(exact, tmp_path):
    classifier, examples = small(exact, 2)
    for count in (1, 2):
        with Summaries(tmp_path).shard(0, silent) as event_files:
            sa.FGM()(classifier, examples.images, examples.labels, examples.targets, callback=event_files.follow)
        assert len(list((tmp_path / "shard_00000").iterdir())) == count
    curves, _, _ = read(tmp_path / "shard_00000")
    assert curves.keys() <= {"attack/objective", "attack/success_rate", "attack/c"}


def test_colours_and_other_bounds_are_shown_in_their_own_range(tmp_path):
    images = np.random.default_rng(0).uniform(-1, 1, size=(2, 5, 4, 3)).astype(np.float32)
    zeros = np.zeros(2, np.int32)
    result = sa.AttackResult(
        images,
        -images,
        np.array([True, False]),
        zeros,
        None,
        zeros > 0,
        np.zeros(2, np.float32),
        zeros,
        zeros,
        np.zeros(2, np.float32),
        bounds=(-1.0, 1.0),
    )
    with Summaries(tmp_path).shard(0, silent) as event_files:
        event_files.show(result)
    _, [first, second], about = read(tmp_path / "shard_00000")
    for image, original in ((first, images[0]), (second, images[1])):
        np.testing.assert_allclose(image[:, :4], (original + 1) / 2, atol=1 / 255)
        np.testing.assert_allclose(image[:, 4:8], 0.5 - 0.5 * original / np.abs(original).max(), atol=1 / 255)
        np.testing.assert_allclose(image[:, 8:], (1 - original) / 2, atol=1 / 255)
    assert about.endswith("of 0, 1 (failed)")


def test_ctrl_c_ends_an_attack_whose_points_can_be_read(exact, tmp_path):
    classifier, examples = small(exact)

    def press(progress):
        if progress.iterations >= 20:
            raise KeyboardInterrupt

    work = Work(sa.StrAttack(), False, parse_groups("squares:2"), None)
    with pytest.raises(KeyboardInterrupt), Summaries(tmp_path).shard(0, press) as event_files:
        work(classifier, examples, event_files.follow)
    curves, images, _ = read(tmp_path / "shard_00000")
    assert 1 <= curves["attack/success_rate"][-1][0] < 20
    assert not images


def test_without_a_directory_nothing_is_written(exact, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    classifier, examples = small(exact, 2)
    list(
        work_here(
            Work(sa.FGM(), False, parse_groups("squares:2"), None), classifier, [(0, examples)], 2, Summaries(None)
        )
    )
    assert not list(tmp_path.iterdir())


def test_a_directory_that_cannot_be_written_is_a_mistake(exact, tmp_path):
    (tmp_path / "shard_00000").write_text("in the way")
    classifier, examples = small(exact, 2)
    with (
        pytest.raises(sa.InputError, match="expected --tensorboard_dir to be a directory to write in"),
        Summaries(tmp_path).shard(0, silent) as event_files,
    ):
        sa.FGM()(classifier, examples.images, examples.labels, callback=event_files.follow)
    for path in (tmp_path / "shard_00000", tmp_path / "shard_00000" / "below"):
        with pytest.raises(sa.InputError, match="to be a directory to write in, received"):
            tensorboard_directory(str(path))
    assert tensorboard_directory(str(tmp_path / "new" / "one")) == tmp_path / "new" / "one"
    assert not (tmp_path / "new").exists()


def test_without_tensorboard_there_is_one_line(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    assert tensorboard_directory(None) is None
    with pytest.raises(sa.InputError, match="received none: pip install tensorboard") as error:
        tensorboard_directory("logs")
    assert "\n" not in str(error.value)
