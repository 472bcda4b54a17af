"""--overwrite removes what these programs write, and nothing else."""

import json
import os

import pytest

from tests.directories import contents, lay, take
from tf_strattack import InputError
from tf_strattack.programs.directories.configuration import claim
from tf_strattack.programs.directories.layouts import LAYOUTS
from tf_strattack.programs.directories.locks import hold
from tf_strattack.programs.directories.removal import discard

SHARD = "adversarial_examples-train.tfrecord-00000-of-00001"
DATASET = {f"dataset/{name}" for name in (SHARD, "dataset_info.json", "features.json", "metadata.json")}
RUN = {
    "metrics.json",
    "examples.png",
    "report.html",
    "metrics.sarif",
    "plan.npz",
    "manifest.json",
    "shards/00000.json",
    "shards/123456.json",
    *DATASET,
    f"dataset/{SHARD}.0-of-2.partial",
    "shards/00001.json.1a2b3c4d.run.partial",
    "metrics.json.1a2b3c4d.partial",
}
PARQUET = {
    f"parquet/{name}"
    for name in (
        "train-00000-of-00001.parquet",
        "croissant.json",
        "train-00001-of-00002.parquet.1a2b3c4d.0-of-2.partial",
        "croissant.json.1a2b3c4d.partial",
    )
}
# Program → files that it writes, whole ones and what a kill leaves.
WRITTEN = {
    "eval.attack": RUN,
    "eval.imagenet": RUN,
    "eval.generate": RUN | PARQUET,
    "eval.generate --png_dir": {
        "labels.csv",
        "croissant.json",
        "00000/mnist_test_0_to_3.png",
        "00001/a_untargeted~1.png",
        "00002.partial/a_to_1.png",
    },
    "eval.table1": {
        "table1.md",
        "table1.csv",
        "table1.json",
        "table1.png",
        "manifest.json",
        "rows/cw_l2.json",
        "rows/strattack_tau_0.25.json",
        "rows/claim_refined_cw_l2.json",
        "heat_maps.png",
        "heat_maps.pdf",
        "report.html",
    },
    "eval.interpretability": {
        "interpretability.md",
        "interpretability.csv",
        "interpretability.json",
        "report.html",
        "manifest.json",
        "rows/strattack.json",
        *(f"{name}.{kind}" for name in ("scores", "overlays", "heat_maps") for kind in ("png", "pdf")),
    },
    "eval.defenses": {
        *("defenses.md", "defenses.csv", "defenses.json", "report.html", "manifest.json"),
        *("rows/none.json", "rows/T=10.json", "rows/strattack.json", "rows/smoothing.json", "rows/ensemble.json"),
    },
    "eval.acceptance": {"acceptance.json"},
    "eval.benchmark": {
        *("benchmark.json", "benchmark.png", "report.html"),
        *("structured/mnist_cnn-strattack_l2_half-80.npz", "structured/model-fgm_l2-whole.npz"),
    },
    "training.train": {
        "teacher.keras",
        "member_0.keras",
        "member_1/latest.weights.h5",
        "partial.keras",
        "finished.keras",
        "network/latest.weights.h5",
        "teacher/partial.weights.h5",
    },
}
# What a user may have put there, next to our files and in our folders.
MINE = {
    "notes.txt",
    "mine/a.txt",
    "mine/shards/00000.json",
    "metrics.json.old",
    "report.html.bak",
    "figure.png",
    ".hidden",
    "parts.txt",
    "lock_pick",
    "0000/a_to_1.png",
    *(
        f"{folder}/{name}"
        for folder in (
            "dataset",
            "parquet",
            "shards",
            "00000",
            "nets",
            "attacks",
            "adversarial",
            "network",
            "attacks/strattack",
            "attacks/mine/shards",
            "rows",
        )
        for name in ("notes.txt", "mine.npz", "mine.json", "mine.png", "mine.keras", "x.partial", "deep/00000.json")
    ),
}


def run_in(directory, program, files, configuration=None):
    """A run of `program` that has written `files`, and ended."""
    take(directory, configuration or {"a": 1}, program=program)()
    lay(directory, dict.fromkeys(files, "work"))


@pytest.mark.parametrize("program", LAYOUTS)
def test_what_the_program_wrote_goes_and_what_others_wrote_stays(program, tmp_path):
    run_in(tmp_path, program, WRITTEN[program])
    take(tmp_path, {"a": 2}, overwrite=True, program=program)()
    assert sorted(os.listdir(tmp_path)) == ["config.json", "lock"]
    lay(tmp_path, dict.fromkeys(WRITTEN[program], "work"))
    lay(tmp_path, dict.fromkeys(MINE, "mine"))
    take(tmp_path, {"a": 2}, program=program)()  # it can be resumed with them
    take(tmp_path, {"a": 3}, overwrite=True, program=program)()
    left = contents(tmp_path)
    assert json.loads(left.pop("config.json"))["a"] == 3
    left.pop("lock")
    assert left == dict.fromkeys(MINE, b"mine")


def test_a_folder_of_ours_goes_only_when_it_is_empty(tmp_path):
    run_in(tmp_path, "eval.attack", RUN)
    (tmp_path / "shards" / "mine").mkdir()
    take(tmp_path, {"a": 2}, overwrite=True)
    assert sorted(os.listdir(tmp_path)) == ["config.json", "lock", "shards"]


def test_links_go_and_what_they_lead_to_stays(tmp_path):
    lay(tmp_path / "elsewhere", dict.fromkeys(RUN, "mine"))
    run = tmp_path / "run"
    run_in(run, "eval.attack", {"dataset/dataset_info.json"})
    (run / "shards").symlink_to(tmp_path / "elsewhere" / "shards")
    (run / "metrics.json").symlink_to(tmp_path / "elsewhere" / "metrics.json")
    (run / "dataset" / "features.json").symlink_to(tmp_path / "elsewhere" / "dataset" / "features.json")
    (run / "dataset" / "mine").symlink_to(tmp_path / "elsewhere")
    (run / "mine").symlink_to(tmp_path / "elsewhere")
    before = contents(tmp_path / "elsewhere")
    take(run, {"a": 2}, overwrite=True)
    assert contents(tmp_path / "elsewhere") == before
    assert sorted(os.listdir(run)) == ["config.json", "dataset", "lock", "mine"]
    assert os.listdir(run / "dataset") == ["mine"]
    assert (run / "mine").is_symlink()


def test_a_link_in_the_place_of_a_folder_is_not_written_through(tmp_path):
    lay(tmp_path / "elsewhere", {"dataset_info.json": "mine"})
    run_in(tmp_path / "run", "eval.attack", ())
    (tmp_path / "run" / "dataset").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(InputError, match=r"in the place of what eval.attack writes, received .*dataset: move it"):
        take(tmp_path / "run", {"a": 1})
    assert contents(tmp_path / "elsewhere") == {"dataset_info.json": b"mine"}


@pytest.mark.parametrize("overwrite", [False, True])
def test_a_file_in_the_place_of_a_folder_is_refused_and_the_other_way_round(overwrite, tmp_path):
    for name in ("shards", "metrics.json/mine"):
        run = tmp_path / name.partition("/")[0]
        run_in(run, "eval.attack", {name})
        before = contents(run)
        with pytest.raises(InputError, match=rf"in the place of what eval.attack writes, received .*{run.name}: move"):
            take(run, {"a": 1 + overwrite}, overwrite=overwrite)
        assert contents(run) == before


def test_the_next_program_does_not_take_a_user_s_file_for_its_own(tmp_path):
    run_in(tmp_path, "eval.attack", {*RUN, "table1.md"})
    before = contents(tmp_path)
    with pytest.raises(InputError, match=r"place of what eval.table1 writes, received .*table1.md: move it elsewhere"):
        take(tmp_path, {"a": 1}, overwrite=True, program="eval.table1")
    assert contents(tmp_path) == before
    (tmp_path / "table1.md").unlink()
    take(tmp_path, {"a": 1}, overwrite=True, program="eval.table1")
    assert sorted(os.listdir(tmp_path)) == ["config.json", "lock"]


@pytest.mark.parametrize(
    ("program", "run"),
    [
        ("eval.table1", "attacks/strattack_tau_0.25"),
        ("eval.interpretability", "attacks/cw_l2"),
        ("eval.defenses", "attacks/distilled_10"),
        ("eval.defenses", "adversarial/strattack"),
        ("eval.defenses", "nets/standard.training"),
    ],
)
def test_a_run_within_goes_by_the_same_rule(program, run, tmp_path):
    within = "training.train" if run.endswith("training") else "eval.attack"
    run_in(tmp_path, program, ())
    run_in(tmp_path / run, within, WRITTEN[within])
    take(tmp_path, {"a": 2}, overwrite=True, program=program)()
    assert sorted(os.listdir(tmp_path)) == ["config.json", "lock"]
    run_in(tmp_path / run, within, {*WRITTEN[within], "notes.txt"})
    unmarked = tmp_path / run.rpartition("/")[0] / "pgd"
    lay(unmarked, {"metrics.json": "mine"})
    take(tmp_path, {"a": 3}, overwrite=True, program=program)()
    assert contents(unmarked) == {"metrics.json": b"mine"}
    assert set(contents(tmp_path / run)) == {"notes.txt", "config.json", "lock"}
    # What is left can be claimed again, whatever was there before, except files that are not ours.
    take(tmp_path / run, {"a": 5}, program=within)()
    assert json.loads((tmp_path / run / "config.json").read_text())["a"] == 5
    assert (tmp_path / run / "notes.txt").read_text() == "work"


def test_a_run_within_of_another_name_stays(tmp_path):
    run_in(tmp_path, "eval.table1", ())
    run_in(tmp_path / "attacks" / "my_own", "eval.attack", RUN)
    before = contents(tmp_path / "attacks")
    take(tmp_path, {"a": 2}, overwrite=True, program="eval.table1")
    assert contents(tmp_path / "attacks") == before


def test_a_run_within_at_which_a_process_is_at_work_stays(tmp_path):
    run_in(tmp_path, "eval.table1", ())
    run_in(tmp_path / "attacks" / "cw_l2", "eval.attack", RUN)
    hold(tmp_path / "attacks" / "cw_l2" / "lock", "-")
    with pytest.raises(InputError, match=r"to be free, received .*cw_l2, in which another process is at work"):
        take(tmp_path, {"a": 2}, overwrite=True, program="eval.table1")
    assert set(contents(tmp_path / "attacks" / "cw_l2")) == {*RUN, "config.json", "lock"}


def test_networks_that_were_trained_elsewhere_stay_in_a_study(tmp_path):
    run_in(tmp_path, "eval.defenses", ())
    made = json.dumps({"command": f"python -m training.train --output={tmp_path}/nets/pgd.keras --variant=pgd"})
    lay(tmp_path / "nets", {"pgd.keras": "work", "pgd.json": made})
    laid = {
        "standard.keras": "mine",
        "standard.json": '{"command": "python -m training.train --output=mnist_cnn.keras"}',
        "distilled_10.keras": "mine",
        "distilled_10.json": '{"made": "by hand"}',
        "distilled_40.json": "{",
        "distilled_100.keras": "mine",
    }
    lay(tmp_path / "nets", laid)
    take(tmp_path, {"a": 2}, overwrite=True, program="eval.defenses")
    assert contents(tmp_path / "nets") == {name: text.encode() for name, text in laid.items()}


def test_a_network_without_its_card_goes_if_its_training_was_under_way(tmp_path):
    run_in(tmp_path, "eval.defenses", {"nets/pgd.keras"})
    run_in(tmp_path / "nets" / "pgd.training", "training.train", {"finished.keras"})
    take(tmp_path, {"a": 2}, overwrite=True, program="eval.defenses")
    assert sorted(os.listdir(tmp_path)) == ["config.json", "lock"]


def test_discard_leaves_nothing_but_others_files(tmp_path):
    for name, others in (("a", set()), ("b", {"notes.txt"})):
        directory = tmp_path / name
        run_in(directory, "training.train", {*WRITTEN["training.train"], *others})
        release = claim(directory, {"a": 1}, program="training.train", flag="-", overwrite=False)
        discard(directory, "training.train")
        release()
        assert directory.exists() == bool(others)
    assert set(contents(tmp_path / "b")) == {"notes.txt", "config.json", "lock"}
