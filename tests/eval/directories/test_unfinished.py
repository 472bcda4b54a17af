"""Without --output_dir, the same command resumes what it has begun."""

import json

import pytest

from tests.directories import take
from tests.programs import server_of
from tf_strattack.programs.directories.unfinished import default_directory


@pytest.fixture
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return tmp_path / "runs"


def test_the_unfinished_run_of_the_same_configuration_is_resumed(here):
    take(here / "20260101-000000", {"a": 1})()
    take(here / "20260101-000001", {"a": 2})()
    take(here / "20260101-000002", {"a": 1}, program="eval.imagenet")()
    (here / "note.txt").write_text("mine")
    assert default_directory("eval.attack", {"a": 1}).name == "20260101-000000"
    assert default_directory("eval.attack", {"a": (1,)}).name not in {path.name for path in here.iterdir()}


def test_a_finished_run_one_under_way_and_one_that_is_to_be_replaced_are_not(here):
    names = {path: path.name for path in (here / "20260101-000000", here / "20260101-000001")}
    for directory in names:
        take(directory, {"a": 1})()
    (here / "20260101-000001" / "report.html").write_text("<html>")
    assert default_directory("eval.attack", {"a": 1}).name == "20260101-000000"
    assert default_directory("eval.attack", {"a": 1}, new=True).name not in names.values()
    release = take(here / "20260101-000000", {"a": 1})
    assert default_directory("eval.attack", {"a": 1}).name not in names.values()
    release()


@pytest.mark.slow
def test_more_images_than_the_data_set_has_is_reported_at_once(tmp_path):
    few = ["--attack=fgm_l2", "--targets=random", "--num_images=600", "--dataset=sample"]
    status, out, err = server_of("eval.attack").run(*few, f"--output_dir={tmp_path / 'out'}")
    assert status == 0, err
    assert "note: the data set has 500 images, fewer than --num_images=600" in err.splitlines()
    assert out.splitlines()[0] == f"writing to {tmp_path / 'out'}"
    assert json.loads((tmp_path / "out" / "metrics.json").read_text())["num_images"] < 500
