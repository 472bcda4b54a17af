"""The program end to end on shipped data: files, resumption, and one line for each mistake."""

import json
import os
import shutil
import signal
import time

import numpy as np
import pytest
import tensorflow_datasets as tfds

import tf_strattack as sa
from tests.directories import check_all_is_known, results, shards
from tests.programs import PATIENCE, QUICK, server_of, start
from tests.reports import without_spans
from tests.schemas import check_schema


def program(*arguments):
    return server_of("eval.attack").run(*arguments)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    directory = tmp_path_factory.mktemp("run") / "out"
    arguments = ["--num_images=4", "--batch_size=15", f"--output_dir={directory}"]
    status, out, err = program(*arguments)
    assert status == 0, err
    return directory, arguments, out, err


def test_metrics_json_keeps_its_contract_and_agrees_with_the_dataset(run):
    directory, _, out, _ = run
    metrics = json.loads((directory / "metrics.json").read_text())
    check_schema("metrics", metrics)
    expected = {
        "attack",
        "attack_parameters",
        "model",
        "dataset",
        "num_images",
        "skipped_misclassified",
        "clean_accuracy",
        "robust_accuracy",
        "notes",
        "num_examples",
        "seconds_per_example",
        "gradient_evaluations_per_example",
        "forward_evaluations_per_example",
        "best",
        "average",
        "worst",
        "all",
        "versions",
        "seed",
        "finished_at",
    }
    assert expected <= metrics.keys()
    block = {"asr", "l0", "l1", "l2", "linf", "nonzero_groups", "acp", "anc", "d20", "num_successes", "num_examples"}
    for case in ("best", "average", "worst", "all"):
        assert block == metrics[case].keys()
    assert (metrics["num_images"], metrics["num_examples"]) == (4, 36)
    assert metrics["all"]["asr"] == 1.0
    assert metrics["gradient_evaluations_per_example"] <= 500

    builder = tfds.builder_from_directory(str(directory / "dataset"))
    rows = list(tfds.as_numpy(builder.as_dataset(split="train")))
    assert len(rows) == len({row["example_id"] for row in rows}) == 36
    distances = {"l0", "l1", "l2", "linf"}
    assert rows[0].keys() == {"image", "original", "label", "target", "success", "example_id"} | distances
    for name in distances:
        np.testing.assert_allclose(np.mean([row[name] for row in rows]), metrics["all"][name], rtol=1e-5)
    assert rows[0]["image"].dtype == np.float32
    adversarial, original = (np.stack([row[name] for row in rows]) for name in ("image", "original"))
    predicted = sa.shipped.load_classifier().predict(adversarial).argmax(axis=1)
    np.testing.assert_array_equal(predicted, [row["target"] for row in rows])
    np.testing.assert_allclose(sa.metrics.l2(adversarial - original).mean(), metrics["all"]["l2"], rtol=1e-5)
    assert "average" in out
    assert "100.0 %" in out


def test_the_report_has_the_command_and_every_example(run):
    directory, _, _, _ = run
    report = (directory / "report.html").read_text()
    assert json.loads((directory / "metrics.json").read_text())["command"] in without_spans(report)
    data = json.loads(report.partition('id="data">')[2].partition("</script>")[0])
    assert len(data["gallery"]["examples"]) == 36
    assert sum(cell[3] for cell in data["matrix"]["cells"]) == 36


def test_the_bar_shows_the_success_rate(run):
    assert "success 36/36 = 100%" in run[3]


def test_the_figure_is_a_picture_of_some_size(run):
    import matplotlib.image

    picture = matplotlib.image.imread(run[0] / "examples.png")
    assert picture.shape[0] > 800
    assert picture.shape[1] > 800
    assert picture[..., :3].std() > 0.1


def test_the_same_command_does_only_what_is_missing(run, tmp_path):
    directory, _, _, _ = run
    copy = tmp_path / "out"
    shutil.copytree(directory, copy)
    before = results(copy)[1]
    shards(copy)[1].unlink()
    kept = shards(copy)[0].stat().st_mtime_ns
    status, _, err = program("--num_images=4", "--batch_size=15", f"--output_dir={copy}")
    assert status == 0, err
    assert shards(copy)[0].stat().st_mtime_ns == kept
    after = results(copy)[1]
    np.testing.assert_array_equal(after.example_ids, before.example_ids)
    np.testing.assert_array_equal(after.success, before.success)


def test_a_run_of_another_configuration_is_refused_and_kept(run):
    directory, arguments, _, _ = run
    before = (directory / "metrics.json").read_bytes()
    status, _, err = program(*arguments, "--seed=7")
    assert status == 2
    assert "differs in seed (0 there, 7 here)" in err
    assert (directory / "metrics.json").read_bytes() == before


def test_all_that_was_written_is_known(run, tmp_path):
    check_all_is_known(run[0], "eval.attack", tmp_path / "copy")


def test_others_files_in_a_run_stay_when_it_is_resumed_and_when_it_is_replaced(run, tmp_path):
    directory, arguments, _, _ = run
    copy = tmp_path / "out"
    shutil.copytree(directory, copy)
    mine = [copy / name for name in ("notes.txt", "mine/a.txt", "shards/mine.json", "dataset/notes.txt", "dataset/a/b")]
    for path in mine:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("mine")
    shards(copy)[1].unlink()
    status, _, err = program(*arguments[:-1], f"--output_dir={copy}")
    assert status == 0, err
    assert [path.read_text() for path in mine] == ["mine"] * len(mine)
    assert len(tfds.builder_from_directory(str(copy / "dataset")).as_dataset(split="train")) == 36
    status, _, err = program("--num_images=1", "--targets=random", QUICK, f"--output_dir={copy}", "--overwrite")
    assert status == 0, err
    assert json.loads((copy / "metrics.json").read_text())["num_examples"] == 1
    assert len(tfds.builder_from_directory(str(copy / "dataset")).as_dataset(split="train")) == 1
    assert [path.read_text() for path in mine] == ["mine"] * len(mine)
    assert sorted(os.listdir(copy / "shards")) == ["00000.json", "mine.json"]
    assert not list(copy.rglob("*.partial"))
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("precious")
    status, _, err = program(f"--output_dir={tmp_path / 'mine'}", "--overwrite")
    assert status == 2
    assert (tmp_path / "mine" / "thesis.txt").read_text() == "precious"


def test_examples_for_which_nothing_is_found_begin_at_images_of_the_data_set(tmp_path):
    hopeless = "--attack_parameters=max_iterations=1,fallback=none,refine=false,epsilon=none"
    status, _, err = program(hopeless, "--num_images=30", "--targets=random", f"--output_dir={tmp_path / 'run'}")
    assert status == 0, err
    result = sa.AttackResult.concatenate(results(tmp_path / "run"))
    assert result.success.all()
    assert set(result.origin) == {"starting point"}


@pytest.mark.slow
def test_ctrl_c_keeps_the_finished_shards(tmp_path):
    arguments = ["--num_images=4", "--batch_size=9", f"--output_dir={tmp_path / 'out'}"]
    process = start("eval.attack", *arguments)
    deadline = time.monotonic() + PATIENCE
    while not (tmp_path / "out" / "shards" / "00000.json").exists() and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130, err
    assert f"interrupted; to resume {tmp_path / 'out'}: python -m eval.attack" in err
    assert "Traceback" not in err
    done = len(os.listdir(tmp_path / "out" / "shards"))
    assert 1 <= done < 4
    status, _, err = program(*arguments)
    assert status == 0, err
    assert json.loads((tmp_path / "out" / "metrics.json").read_text())["num_examples"] == 36


def test_list_attacks_names_every_parameter():
    status, out, _ = program("--list_attacks=strattack_overlap")
    assert status == 0
    for text in ("Parameters of strattack_overlap", "group_size=3", "sigma_quantile=0.41", "solver=prox_linear"):
        assert text in out
