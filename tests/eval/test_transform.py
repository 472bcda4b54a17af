"""`--transform`: the programs attack through a random change of the images."""

import json
import types

import numpy as np
import pytest

import tf_strattack as sa
from eval.gate.places import category_of
from eval.inputs import transforms
from eval.inputs.datasets import Record
from eval.inputs.examples import Examples, Selection
from eval.inputs.groups import parse_groups
from eval.inputs.transforms import UNCHANGED, InputTransform, parse_transforms
from eval.runs.work import Work
from tests.directories import results
from tests.programs import check_mistakes, server_of
from tests.schemas import check_schema
from tf_strattack import transformations as of


def test_every_form_is_a_transformation():
    assert parse_transforms([]) is None
    assert parse_transforms(["noise:0.25"]) == of.Noise(0.25)
    assert parse_transforms(["noise:1/4"]) == of.Noise(0.25)
    assert parse_transforms(["brightness:0.1"]) == of.Brightness(0.1)
    assert parse_transforms(["shift:2"]) == of.Shift(2)
    assert parse_transforms(["resize_pad:0.85"]) == of.ResizePad(0.85)
    assert parse_transforms(["jpeg:60:95"]) == of.JpegLike(60, 95)
    assert parse_transforms(["shift:1", "noise:0.1"]) == of.Chain([of.Shift(1), of.Noise(0.1)])


def test_mistakes_get_one_line(tmp_path):
    forms = "expected --transform like noise:0.25, brightness:0.1, shift:2, resize_pad:0.85 or jpeg:60:95"
    mistakes = [
        (["--transform=blur:2"], f"{forms}, or several of them with commas, received 'blur:2'"),
        (["--transform=noise"], "received 'noise'"),
        (["--transform=noise:a"], "received 'noise:a'"),
        (["--transform=noise:0.1:2"], "received 'noise:0.1:2'"),
        (["--transform=noise:nan"], "received nan, in --transform=noise:nan"),
        (["--transform=noise:2"], "in --transform=noise:2"),
        (["--transform=shift:1.5"], "in --transform=shift:1.5"),
        (["--transform=jpeg:95:60"], "in --transform=jpeg:95:60"),
    ]
    out = tmp_path / "out"
    check_mistakes("eval.attack", [([*given, f"--output_dir={out}"], message) for given, message in mistakes])
    assert not out.exists()
    check_mistakes("eval.generate", [(["--transform=noise:0.1"], "Unknown command line flag 'transform'")])


@pytest.mark.slow
def test_a_run_is_through_the_expectation_and_its_verification_too(tmp_path):
    given = ["--num_images=2", "--targets=random", "--attack_parameters=epsilon=none", f"--output_dir={tmp_path}"]
    noisy = [*given, "--transform=noise:0.2", "--seed=3"]
    status, _, err = server_of("eval.attack").run(*noisy)
    assert status == 0, err
    metrics = json.loads((tmp_path / "metrics.json").read_text())
    check_schema("metrics", metrics)
    check_schema("manifest", json.loads((tmp_path / "manifest.json").read_text()))
    assert metrics["transform"] == ["noise:0.2"]
    assert metrics["all"]["asr"] == 1.0
    assert metrics["gradient_evaluations_per_example"] > 16 * 50
    sarif = json.loads((tmp_path / "metrics.sarif").read_text())["runs"][0]
    assert sarif["automationDetails"]["id"] == category_of(metrics) != category_of({**metrics, "transform": []})
    assert "makes the network behind noise:0.2 see " in sarif["results"][0]["message"]["text"]
    assert "transform: ['noise:0.2']" in (tmp_path / "dataset" / "README.md").read_text()
    goal = sa.Expectation(sa.shipped.load_classifier(), of.Noise(0.2), seed=17)
    (result,) = results(tmp_path)
    assert (goal.share(result.adversarial, result.labels, result.targets) > 0.8).all()
    status, out, err = server_of("eval.attack").run(*noisy, "--verify")
    assert status == 0, err
    assert "of which 2 fool the network, as recorded" in out
    status, _, err = server_of("eval.attack").run(*given, "--seed=3")
    assert status == 2
    assert "differs in transform" in err


@pytest.fixture
def classifier():
    return sa.shipped.load_classifier()


@pytest.fixture
def two_digits():
    images, labels, _ = sa.shipped.load_sample()
    return images[:2], labels[:2]


def test_the_work_attacks_what_is_behind_the_change(classifier, two_digits):
    images, labels = two_digits
    attacked = []

    class Recorded(sa.FGM):
        def __call__(self, goal, *arguments, **options):
            attacked.append(goal)
            return super().__call__(goal, *arguments, **options)

    names = np.array(["a_untargeted"])
    examples = Examples(images[:1], labels[:1], None, np.array(["a"]), names)
    change = InputTransform(of.Noise(0.3), seed=5)
    for given in (UNCHANGED, change):
        work = Work(Recorded(norm="linf", epsilon=0.5), False, parse_groups("squares:2"), None, input_transform=given)
        work(classifier, examples)
    plain, noisy = attacked
    assert plain is classifier
    assert noisy == sa.Expectation(classifier, of.Noise(0.3), seed=5)


@pytest.mark.slow
def test_success_behind_a_change_is_that_of_enough_draws(classifier, two_digits):
    images, labels = two_digits
    found = sa.StrAttack(epsilon=None)(classifier, images, labels)
    change = InputTransform(of.Noise(0.3))
    share = change.goal(classifier).share(found.adversarial, labels)
    assert change.fooled(classifier, found, 0.0).tolist() == (share >= 0.9).tolist()
    # An example at the boundary does not survive noise, whatever it does without.
    assert found.success.all()
    assert not change.fooled(classifier, found, 0.0).all()
    wrong = types.SimpleNamespace(adversarial=images, labels=(labels + 1) % 10, targets=None)
    assert change.fooled(classifier, wrong, 0.0).all()
    aimed = types.SimpleNamespace(adversarial=images, labels=(labels + 1) % 10, targets=labels)
    assert InputTransform(of.Noise(0.01)).fooled(classifier, aimed, 0.0).all()


def test_images_are_chosen_by_what_the_network_sees_on_most_draws(classifier):
    images, labels, _ = sa.shipped.load_sample()
    images, labels = images[:40], labels[:40]
    change = InputTransform(of.Noise(0.9))
    records = [Record(name=str(row), image=images[row], label=int(labels[row])) for row in range(40)]
    goal = change.goal(classifier)
    draws = np.stack([goal._drawn(images, draw) for draw in range(goal.draws)])
    seen = classifier.classify(draws.reshape(-1, *images.shape[1:])).reshape(goal.draws, -1)
    wanted = np.flatnonzero((seen == labels).mean(axis=0) > 0.5)
    assert 0 < len(wanted) < 40
    selection = Selection(records, classifier, None, input_transform=change)
    assert [int(record.name) for record in selection] == wanted.tolist()
    assert (selection.attacked, selection.skipped) == (len(wanted), 40 - len(wanted))


def test_examples_are_tested_again_a_few_at_a_time(classifier, two_digits, monkeypatch):
    images, labels = (np.concatenate([part] * 3) for part in two_digits)
    found = types.SimpleNamespace(adversarial=images, labels=(labels + 1) % 10, targets=labels)
    change, sizes = InputTransform(of.Noise(0.1)), []
    verify = sa.Expectation.verify
    monkeypatch.setattr(transforms, "default_batch_size", lambda shape: 4)
    monkeypatch.setattr(
        sa.Expectation,
        "verify",
        lambda goal, shown, *rest, **options: sizes.append(len(shown)) or verify(goal, shown, *rest, **options),
    )
    assert change.fooled(classifier, found, 0.0).tolist() == [True] * 6
    assert sizes == [4, 2]


@pytest.mark.slow
def test_a_report_shows_no_predictions_of_a_network_that_sees_something_else(tmp_path):
    given = ["--num_images=1", "--targets=random", "--attack=fgm_l2"]
    pages = {}
    for name, more in (("plain", []), ("noisy", ["--transform=brightness:0.1"])):
        status, _, err = server_of("eval.attack").run(*given, *more, f"--output_dir={tmp_path / name}")
        assert status == 0, err
        pages[name] = (tmp_path / name / "report.html").read_text()
    assert '"seen":[[' in pages["plain"]
    assert '"seen":null' in pages["noisy"]
    assert "brightness:0.1" in pages["noisy"]
