"""Clean and robust accuracy as programs record and show them, and the note where a network only guesses."""

import json

import numpy as np
import pytest

import tf_strattack as sa
from eval.inputs.accuracy import chance_note, near_chance
from eval.inputs.datasets import read_dataset
from eval.inputs.examples import Selection
from eval.runs.records import measure, summarise
from eval.tables.measures import explain_accuracies, numbered
from tests.programs import QUICK, server_of
from tf_strattack.programs.notices import notice


def records(number, wrong):
    """Shipped digits; those at the places `wrong` have another label."""
    sample = read_dataset("sample", data_dir=None, split="test", download=False).records
    rows = [next(sample) for _ in range(number)]
    return [row._replace(label=(row.label + (place in wrong)) % 10) for place, row in enumerate(rows)]


@pytest.mark.parametrize(
    ("num_classes", "images", "most"), [(2, 100, 57), (10, 100, 23), (1000, 1000, 150), (10, 5, 1)]
)
def test_near_chance_is_up_to_15_percent_of_what_is_above_it(num_classes, images, most):
    assert near_chance(most, images, num_classes)
    assert near_chance(0, images, num_classes)
    assert not near_chance(most + 1, images, num_classes)


def test_few_images_say_nothing():
    assert not near_chance(0, 4, 10)
    assert chance_note(0, 4, 10, (0.0, 1.0)) is None


def test_the_note_names_numbers_scale_and_labels():
    assert chance_note(1, 36, 1000, (0.0, 255.0)) == (
        "the network classifies only 1 of 36 images correctly, while guessing gets 1 in 1000 right: check that "
        "--bounds=0,255 is the scale of the network's input, and that the labels (class_index in labels.csv) number "
        "the classes in the order of the network's outputs"
    )


def test_a_notice_is_printed_once(capsys):
    for text in ("one", "another", "one"):
        notice(f"test_accuracy: {text}")
    assert capsys.readouterr().err == "note: test_accuracy: one\nnote: test_accuracy: another\n"


def test_a_selection_warns_once_and_after_20_images(mnist, capsys):
    selection = Selection(records(100, wrong={*range(2, 100)}), mnist, 50)
    chosen = iter(selection)
    assert [next(chosen).position for _ in range(2)] == [0, 1]
    assert capsys.readouterr().err == ""
    assert list(chosen) == []
    err = capsys.readouterr().err
    assert err.startswith("note: the network classifies only 2 of 20 images correctly, while guessing gets 1 in 10 ")
    assert err.count("\n") == 1
    assert (selection.attacked, selection.skipped) == (2, 98)


@pytest.mark.parametrize(
    ("number", "wrong", "wanted", "said"),
    [
        (7, {*range(1, 7)}, 5, "1 of 7 images"),  # the end of the data
        (19, {*range(18)}, 1, "1 of 19 images"),  # the end of what is wanted
        (4, {*range(1, 4)}, 5, ""),
        (60, {*range(10)}, 20, ""),
        (60, {*range(15)}, 60, ""),  # 5 of the first 20, which guessing hardly gets
    ],
)
def test_a_selection_warns_at_its_end(mnist, capsys, number, wrong, wanted, said):
    list(Selection(records(number, wrong), mnist, wanted))
    err = capsys.readouterr().err
    assert said in err
    assert bool(err) == bool(said)


def test_where_nothing_is_classified_correctly_the_error_says_what_to_check(mnist, capsys):
    with pytest.raises(sa.InputError, match=r"received 6 others: check that --bounds=0,1 is the scale .* labels\.csv"):
        Selection(records(6, wrong=range(6)), mnist, 3)
    assert capsys.readouterr().err == ""


def test_shards_are_summarised_by_images_whatever_shard_their_examples_are_in():
    success = np.array([True, False, False, False, False, True])
    ids = np.array([f"{image}_to_{target}" for image in "abc" for target in (1, 2)])
    images = np.zeros((6, 2, 2, 1), np.float32)

    def result(rows):
        return sa.AttackResult(
            images=images[rows],
            adversarial=images[rows],
            success=success[rows],
            labels=np.zeros(len(rows), np.int32),
            targets=np.ones(len(rows), np.int32),
            clean_correct=np.ones(len(rows), bool),
            c=np.zeros(len(rows), np.float32),
            gradient_evaluations=np.zeros(len(rows), np.int32),
            forward_evaluations=np.zeros(len(rows), np.int32),
            seconds=np.zeros(len(rows), np.float32),
            bounds=(0.0, 1.0),
            attack={},
            calls=[],
            interrupted=False,
            example_ids=ids[rows],
        )

    measured = [measure(result(rows), groups=sa.SlidingMask(1)) for rows in ([0], [1, 2, 3], [4, 5])]
    figures = summarise(measured, seed=0, skipped=1, own_labels=False)
    assert (figures["num_images"], figures["skipped_misclassified"]) == (3, 1)
    assert (figures["clean_accuracy"], figures["robust_accuracy"]) == (0.75, 0.25)
    figures = summarise(measured, seed=0, skipped=0, own_labels=True)
    assert (figures["clean_accuracy"], figures["robust_accuracy"]) == (None, None)
    assert [line[1:] for line in explain_accuracies(figures)] == [
        ("-", "the labels are the untrained network's own")
    ] * 2


def test_numbers_have_their_noun():
    figures = {"num_images": 1, "skipped_misclassified": 0, "clean_accuracy": 1.0, "robust_accuracy": 0.0}
    assert [line[2] for line in explain_accuracies(figures)] == [
        "1 of 1 image classified correctly; only these are attacked",
        "0 of 1 image classified correctly, with no successful example",
    ]
    assert [line[1:] for line in explain_accuracies({"num_images": 1, "skipped_misclassified": 0})] == [("-", "")] * 2
    assert numbered(0, "shard") == "0 shards"


@pytest.fixture(scope="module")
def wrong_scale(tmp_path_factory):
    """A run in a scale so dark that the network sees hardly anything."""
    directory = tmp_path_factory.mktemp("scale")
    (directory / "net.keras").write_bytes(sa.shipped.model_path("mnist_cnn").read_bytes())
    return directory / "out", server_of("eval.attack").run(
        f"--model={directory / 'net.keras'}",
        "--bounds=0,0.05",
        "--num_images=2",
        "--targets=random",
        QUICK,
        f"--output_dir={directory / 'out'}",
    )


def test_a_wrong_scale_is_noted_and_recorded(wrong_scale):
    directory, (status, out, err) = wrong_scale
    assert status == 0, err
    assert err.count("note: ") == 1
    assert "images correctly, while guessing gets 1 in 10 right: check that --bounds=0,0.05 is the scale" in err
    metrics = json.loads((directory / "metrics.json").read_text())
    images = metrics["num_images"] + metrics["skipped_misclassified"]
    assert metrics["num_images"] == 2
    assert images > 10
    assert metrics["clean_accuracy"] == 2 / images
    assert metrics["robust_accuracy"] == 2 * (1 - metrics["best"]["asr"]) / images
    assert f"{metrics['clean_accuracy']:.1%}".replace("%", " %") in out
    (note,) = metrics["notes"]
    assert note.startswith(f"the network classifies only 2 of {images} images correctly")
    report = (directory / "report.html").read_text()
    assert f"only 2 of {images} images correctly" in report
    assert f'<dd class="value">{100 * metrics["clean_accuracy"]:.1f} %</dd>' in report


def test_a_right_scale_is_not(tmp_path):
    status, out, err = server_of("eval.attack").run(
        "--num_images=6", "--targets=random", QUICK, f"--output_dir={tmp_path / 'out'}"
    )
    assert status == 0, err
    assert "note:" not in err
    metrics = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert (metrics["clean_accuracy"], metrics["robust_accuracy"], metrics["notes"]) == (1.0, 0.0, [])
    assert "clean accuracy   100.0 %  6 of 6 images classified correctly" in out
    assert "robust accuracy    0.0 %  0 of 6 images classified correctly" in out
    report = (tmp_path / "out" / "report.html").read_text()
    assert '<p class="alarm">' not in report
    for name in ("clean accuracy", "attack success rate", "robust accuracy"):
        assert f"<dt>{name}</dt>" in report
