"""`python -m eval.table1` end to end on shipped digits: rows, claims, and what a second run does."""

import json
import re
import shutil

import pytest

from tests.directories import check_all_is_known
from tests.programs import check_mistakes, server_of

GIVEN = [
    "--num_images=2",
    "--targets=random:2",
    "--taus=2",
    "--attack_parameters=cw_l2.max_iterations=60,cw_l2.initial_c=1,cw_l2.search_steps=2,cw_l2.learning_rate=0.05,"
    "strattack.max_iterations=60",
]


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    directory = tmp_path_factory.mktemp("table1") / "out"
    given = [*GIVEN, f"--output_dir={directory}"]
    status, out, err = server_of("eval.table1").run(*given, "--attacks=cw_l2,strattack")
    assert status == 0, err
    return directory, given, out


def test_one_attack_makes_a_table(tmp_path):
    given = ["--num_images=1", "--targets=random", "--attacks=fgm_l2", "--taus=", "--noclaims"]
    unused = "--attack_parameters=cw_l2.search_steps=2"
    status, out, err = server_of("eval.table1").run(*given, unused, f"--output_dir={tmp_path / 'out'}")
    assert status == 0, err
    assert f"note: {unused} has no effect: cw_l2 is not of --attacks\n" in err
    written = json.loads((tmp_path / "out" / "table1.json").read_text())
    assert [(row["name"], row["num_examples"]) for row in written["rows"]] == [("fgm_l2", 1)]
    assert (tmp_path / "out" / "table1.md").read_text() in out
    report = (tmp_path / "out" / "report.html").read_text()
    assert "fgm_l2</th>" in report
    assert "the paper</th>" not in report  # it has other targets


@pytest.mark.slow
def test_every_attack_the_front_and_the_claims_are_there(finished):
    directory, _, out = finished
    written = json.loads((directory / "table1.json").read_text())
    assert [row["name"] for row in written["rows"]] == ["cw_l2", "strattack", "strattack_tau_2", "strattack_unrefined"]
    for row in written["rows"]:
        assert row["num_examples"] == 4
        assert row["command"].startswith("python -m eval.attack --attack=")
        assert json.loads((directory / "attacks" / row["name"] / "metrics.json").read_text())["all"] == row["all"]
    assert written["rows"][0]["clean_accuracy"] == 1.0
    assert "| attack | robust accuracy | best ASR |" in out
    report = (directory / "report.html").read_text()
    for text in ("robust accuracy</th>", "The front over tau", "Claims of the paper", "the paper</th>"):
        assert text in report
    data = json.loads(report.partition('id="data">')[2].partition("</script>")[0])
    first, second = data["gallery"]["examples"][:2]  # the attacks on one example stand next to each other
    assert (first["example"], second["example"]) == (0, 0)
    assert data["gallery"]["attacks"] == ["cw_l2", "strattack"]
    assert all(example["seen"] for example in data["gallery"]["examples"])
    assert written["rows"][0]["attack_parameters"]["max_iterations"] == 60
    assert written["rows"][2]["attack_parameters"]["tau"] == 2
    assert set(written["claims"]) == {"thresholded", "sparse_success", "refined_cw_l2", "ratio_strattack"}
    low, high = written["claims"]["ratio_strattack"]["l0"]
    assert 0.0 < low <= high < 1.0
    assert written["command"].startswith("python -m eval.table1 --attack_parameters=cw_l2.max_iterations=60")
    assert (directory / "table1.md").read_text() in out
    assert re.search(
        r"^4 runs of up to 2 images x 2 targets = 4 examples each \(cw_l2, strattack, strattack_tau_2, "
        r"strattack_unrefined\): roughly (\d+|a) \w+ on this machine; --num_images, --targets=random and ",
        out,
        re.MULTILINE,
    )


@pytest.mark.slow
def test_a_second_run_adds_attacks_and_repeats_nothing(finished):
    directory, given, _ = finished
    before = {path: path.stat().st_mtime_ns for path in directory.rglob("shards/*")}
    claims = json.loads((directory / "table1.json").read_text())["claims"]
    status, out, err = server_of("eval.table1").run(*given, "--attacks=fgm_l2,cw_l2,strattack")
    assert status == 0, err
    assert "fgm_l2: python -m eval.attack" in out
    assert "cw_l2: python -m eval.attack" not in out
    assert "measuring refined_fgm_l2\n" in out
    assert {path: path.stat().st_mtime_ns for path in before} == before
    written = json.loads((directory / "table1.json").read_text())
    assert {row["name"] for row in written["rows"]} >= {"fgm_l2", "cw_l2", "strattack"}
    assert {name: written["claims"][name] for name in claims} == claims


@pytest.mark.slow
def test_another_configuration_is_refused(finished):
    _, given, _ = finished
    status, _, err = server_of("eval.table1").run(*given, "--seed=5")
    assert status == 2
    assert "differs in seed (0 there, 5 here)" in err


@pytest.mark.slow
def test_all_that_was_written_is_known(finished, tmp_path):
    check_all_is_known(finished[0], "eval.table1", tmp_path / "copy")


@pytest.mark.slow
def test_others_files_stay_when_a_comparison_is_replaced(finished, tmp_path):
    directory, _, _ = finished
    copy = tmp_path / "out"
    shutil.copytree(directory, copy)
    mine = [copy / name for name in ("notes.txt", "attacks/cw_l2/notes.txt", "attacks/mine/metrics.json")]
    for path in mine:
        path.parent.mkdir(exist_ok=True)
        path.write_text("mine")
    status, _, err = server_of("eval.table1").run(
        *GIVEN, f"--output_dir={copy}", "--attacks=cw_l2", "--seed=5", "--overwrite", "--claims=false"
    )
    assert status == 0, err
    assert [path.read_text() for path in mine] == ["mine"] * len(mine)
    assert sorted(path.name for path in (copy / "attacks").iterdir()) == ["cw_l2", "mine"]
    assert [row["name"] for row in json.loads((copy / "table1.json").read_text())["rows"]] == ["cw_l2"]
    assert json.loads((copy / "attacks" / "cw_l2" / "metrics.json").read_text())["seed"] == 5


def test_mistakes_get_one_line_and_status_2(tmp_path):
    out = tmp_path / "out"
    mistakes = [
        (["--attacks=deepfool"], "expected --attacks to be of strattack,"),
        (["--attacks="], "expected at least one attack in --attacks, received none"),
        (["--taus=0"], "expected --taus to be positive numbers, received '0'"),
        (["--attack=cw_l2"], "Unknown command line flag 'attack'. Did you mean: attack_parameters, attacks ?"),
        (["--tensorboard_dir=logs"], "Unknown command line flag 'tensorboard_dir'"),
        (["--attack_parameters=tau=2"], "expected --attack_parameters=attack.name=value,..."),
        (["--attack_parameters=cw_l2.tau=2"], "expected a parameter of cw_l2"),
        (["--targets=many"], "expected --targets"),
    ]
    check_mistakes("eval.table1", [([*given, f"--output_dir={out}"], message) for given, message in mistakes])
    assert not out.exists()
