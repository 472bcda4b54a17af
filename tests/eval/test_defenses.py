"""The defence study end to end on tiny data: rows, tables, and what a second run does."""

import csv
import json
import shutil

import pytest

from eval.studies.defenses.rows import Networks
from eval.studies.defenses.tables import read_row, write_tables
from eval.studies.paper import TABLE_A1
from tests.directories import check_all_is_known, study_of
from tests.programs import check_mistakes, run_program, server_of

TINY = [
    "--targets=random",
    "--num_images=2",
    "--train_images=2",
    "--epochs=4",
    "--attack_parameters=refine=False",
]


@pytest.fixture(scope="module")
def study(tiny_mnist, tmp_path_factory):
    directory = tmp_path_factory.mktemp("defenses") / "out"
    given = [f"--data_dir={tiny_mnist}", *TINY, f"--output_dir={directory}"]
    given.append("--pgd_epsilon=0.1")
    status, out, err = server_of("eval.defenses").run(*given, "--defenses=none,strattack", "--temperatures=")
    assert status == 0, err
    return directory, given, out


def written(directory):
    """When the files of the rows were written; the study's own, next to them, are written with each row."""
    return {
        path: path.stat().st_mtime_ns
        for path in directory.rglob("*")
        if path.suffix in (".keras", ".npz", ".json") and path.parent != directory
    }


@pytest.mark.slow
def test_every_row_is_trained_attacked_and_compared_with_the_paper(study):
    directory, _, out = study
    rows = {row["defense"]: row for row in json.loads((directory / "defenses.json").read_text())["rows"]}
    assert list(rows) == ["none", "strattack"]
    for name, row in rows.items():
        assert row["paper"] == TABLE_A1[name]
        assert row["all"]["num_examples"] == 2
        assert row["commands"]["training"].startswith("python -m training.train")
        assert row["commands"]["attack"].startswith("python -m eval.attack")
        assert "--attack=pgd_linf --attack_parameters=epsilon=0.1" in row["commands"]["pgd"]
        assert 0.0 <= row["accuracy_under_pgd"] <= 1.0
    assert rows["strattack"]["card"]["variant"] == "adversarial"
    assert rows["strattack"]["card"]["examples_added"] + rows["strattack"]["card"]["failed_examples_left_out"] == 2
    assert rows["strattack"]["card"]["examples"]["split"] == "train"
    with (directory / "defenses.csv").open() as file:
        lines = list(csv.DictReader(file))
    assert len(lines) == 2 * 4
    assert float(lines[0]["paper_l1"]) == TABLE_A1["none"]["best"]["l1"]
    text = (directory / "defenses.md").read_text()
    assert text in out
    assert text.count("| the paper |") == 3
    for shown in ("examples of strattack", "100.0 % | 25.1 | 2.61 |", "+39 % | +21 %"):
        assert shown in text


@pytest.mark.slow
def test_a_second_run_adds_rows_and_repeats_nothing(study):
    directory, given, _ = study
    before = written(directory)
    status, out, err = server_of("eval.defenses").run(*given, "--defenses=none", "--temperatures=10")
    assert status == 0, err
    assert "none: python" not in out
    after = written(directory)
    assert {path: after[path] for path in before} == before
    rows = {row["defense"]: row for row in json.loads((directory / "defenses.json").read_text())["rows"]}
    assert list(rows) == ["none", "strattack", "T=10"]
    assert rows["T=10"]["card"]["temperature"] == 10.0
    assert "| 10 |" in (directory / "defenses.md").read_text()


@pytest.mark.slow
def test_all_that_was_written_is_known(study, tmp_path):
    check_all_is_known(study[0], "eval.defenses", tmp_path / "copy")


@pytest.mark.slow
def test_another_configuration_is_refused(study):
    _, given, _ = study
    status, _, err = server_of("eval.defenses").run(*given, "--seed=5", "--temperatures=")
    assert status == 2
    assert "differs in seed (0 there, 5 here)" in err


@pytest.mark.slow
def test_a_step_that_fails_says_why_once(tmp_path):
    given = ["--data_dir=nowhere", *TINY, "--temperatures=", f"--output_dir={tmp_path}"]
    status, _, err = run_program("eval.defenses", *given)
    assert status == 2
    assert "expected the TFDS data set 'mnist' in --data_dir" in err
    assert len(err.strip().splitlines()) == 1


def test_mistakes_get_one_line_and_status_2(tmp_path):
    mistakes = [
        (["--attack=tests.broken:Unseeded"], "admm_linf, received 'tests.broken:Unseeded'"),
        (
            ["--defenses=strong"],
            "expected --defenses to be of none, pgd, noise, smoothing, ensemble, strattack, strattack_overlap,",
        ),
        (["--temperatures=hot"], "expected --temperatures to be positive numbers, received 'hot'"),
        (["--defenses=", "--temperatures="], "expected --defenses or --temperatures, received neither"),
        (["--dataset=sample"], "expected --dataset to be one of mnist, cifar10, received 'sample'"),
        (["--pgd_epsilon=0"], "expected --pgd_epsilon to be a number above 0, received 0.0"),
        (["--noise_std=2"], "expected --noise_std above 0 and at most 1, received 2"),
        (["--members=1"], "expected --members to be a whole number of at least 2, received '1'"),
        (["--model=mnist_cnn"], "Unknown command line flag 'model'"),
        (["--tensorboard_dir=logs"], "Unknown command line flag 'tensorboard_dir'"),
        (["--targets=random:20"], "expected --targets of at most 9, the other classes, received random:20"),
        (["--groups=squares:29"], "expected group_size from 1 to the image's shorter side 28, received 29"),
    ]
    out = tmp_path / "out"
    check_mistakes("eval.defenses", [([*given, f"--output_dir={out}"], message) for given, message in mistakes])
    assert not out.exists()


def test_examples_of_the_attack_itself_are_made_with_its_parameters_those_of_others_with_defaults(tmp_path):
    study = Networks(tmp_path, (), (), "strattack", ("--attack_parameters=tau=2",), ("--num_images=7",), ())
    craft, attack = study.row("strattack").steps[1], study.row("strattack").steps[-1]
    assert craft.module == attack.module == "eval.attack"
    for step in (craft, attack):
        assert {"--attack=strattack", "--attack_parameters=tau=2"} <= set(step.arguments)
    craft, attack = study.row("strattack_overlap").steps[1], study.row("strattack_overlap").steps[-1]
    assert "--attack=strattack_overlap" in craft.arguments
    assert "--attack_parameters=tau=2" not in craft.arguments
    assert "--attack=strattack" in attack.arguments


def test_a_smoothed_network_is_the_one_trained_on_noise_and_has_noise_before_it_when_it_is_attacked(tmp_path):
    study = Networks(tmp_path, (), (), "strattack", (), (), (), ("--attack=pgd_linf",), noise_std=0.5, members=4)
    noise, smoothing, ensemble = map(study.row, ("noise", "smoothing", "ensemble"))
    assert noise.network == smoothing.network == tmp_path / "nets" / "noise.keras"
    assert noise.steps[0] == smoothing.steps[0]
    assert {"--variant=noise", "--noise_std=0.5"} <= set(noise.steps[0].arguments)
    assert {"--variant=ensemble", "--members=4"} <= set(ensemble.steps[0].arguments)
    for row, shown in ((noise, False), (smoothing, True), (ensemble, False)):
        assert (row.run, row.pgd) == (tmp_path / "attacks" / row.name, tmp_path / "pgd" / row.name)
        for step in row.steps[1:]:
            assert ("--transform=noise:0.5" in step.arguments) == shown


@pytest.mark.slow
def test_networks_with_noise_and_several_networks_are_rows(tiny_mnist, tmp_path):
    directory = tmp_path / "out"
    given = [f"--data_dir={tiny_mnist}", *TINY, "--noise_std=0.1", "--members=2", f"--output_dir={directory}"]
    status, out, err = server_of("eval.defenses").run(
        *given, "--defenses=ensemble,noise,smoothing,none", "--temperatures="
    )
    assert status == 0, err
    rows = {row["defense"]: row for row in json.loads((directory / "defenses.json").read_text())["rows"]}
    assert list(rows) == ["none", "noise", "smoothing", "ensemble"]
    assert len(rows["ensemble"]["card"]["members_test_accuracies"]) == 2
    assert "--transform=noise:0.1" in rows["smoothing"]["commands"]["attack"]
    accuracies = {name: row["test_accuracy"] for name, row in rows.items()}
    assert accuracies["noise"] == rows["smoothing"]["card"]["test_accuracy"]
    assert accuracies["smoothing"] == rows["noise"]["card"]["noise_test_accuracy"]
    cost = {name: row["gradient_evaluations_per_example"] for name, row in rows.items()}
    assert cost["smoothing"] > 5 * cost["noise"]
    for shown in (
        "| noisy images |",
        "| noisy images; attacked behind noise |",
        "| nothing else; mean of several networks |",
    ):
        assert shown in out
    check_all_is_known(directory, "eval.defenses", tmp_path / "copy")


def test_with_a_radius_pgd_attacks_every_network_too(tmp_path):
    pgd = ("--attack=pgd_linf", "--attack_parameters=epsilon=0.3", "--targets=untargeted")
    study = Networks(tmp_path, ("--dataset=mnist",), (), "strattack", (), ("--num_images=7",), (), pgd)
    for row in (study.row("none"), study.row("strattack"), study.distilled(10.0)):
        train, probe, attack = row.steps[-3:]
        assert train.module == "training.train"
        assert set(pgd) <= set(probe.arguments)
        assert f"--output_dir={row.pgd}" in probe.arguments
        assert row.pgd.parent == tmp_path / "pgd"
        for step in (probe, attack):
            assert f"--model={row.network}" in step.arguments
        assert f"--output_dir={row.run}" in attack.arguments
    plain = Networks(tmp_path, (), (), "strattack", (), (), ()).row("none")
    assert plain.pgd is None
    assert len(plain.steps) == 2


def test_accuracy_under_pgd_has_a_column_where_it_was_measured(tmp_path):
    block = {"asr": 0.5, "num_successes": 2, "num_examples": 4, **dict.fromkeys(("l0", "l1", "l2", "linf"), 1.0)}
    row = {
        "defense": "none",
        "temperature": None,
        "attack": "strattack",
        "card": {},
        "commands": {"training": "a", "attack": "b", "pgd": "c"},
        "test_accuracy": 0.5,
        "robust_accuracy": 0.25,
        "accuracy_under_pgd": 0.125,
        "paper": None,
        **dict.fromkeys(("best", "average", "worst", "all"), block),
    }
    text = write_tables(study_of(tmp_path, {}, [row]))
    assert "| trained with | test accuracy | robust accuracy | accuracy under PGD | best ASR |" in text
    assert "| nothing (no defence) | 50.00 % | 25.0 % | 12.5 % | 50.0 % |" in text
    assert "- none: `a`; `b`; `c`" in text
    with (tmp_path / "defenses.csv").open() as file:
        assert {line["accuracy_under_pgd"] for line in csv.DictReader(file)} == {"0.125"}


def test_temperatures_that_differ_little_are_rows_of_their_own(tmp_path):
    study = Networks(tmp_path, (), (), "strattack", (), (), ())
    names = [study.distilled(temperature).name for temperature in (10.0, 10.0000001, 0.5)]
    assert names == ["T=10", "T=10.0000001", "T=0.5"]


@pytest.mark.slow
def test_figures_of_the_paper_appear_next_to_its_own_attack_only(study, tmp_path):
    directory, _, _ = study
    shutil.copytree(directory, tmp_path / "copy")
    row = Networks(tmp_path / "copy", (), (), "strattack", (), (), ()).row("none")
    metrics = json.loads((row.run / "metrics.json").read_text())
    assert read_row(row)["paper"] == TABLE_A1["none"]
    for change in ({"attack": "strattack_overlap"}, {"targets": "untargeted"}, {"dataset": "cifar10"}):
        (row.run / "metrics.json").write_text(json.dumps({**metrics, **change}))
        assert read_row(row)["paper"] is None


def test_failures_and_rows_without_a_figure_in_the_paper_are_shown_as_such(tmp_path):
    block = {"asr": 0.0, "num_successes": 0, "num_examples": 4, **dict.fromkeys(("l0", "l1", "l2", "linf"))}
    row = {
        "defense": "pgd",
        "temperature": None,
        "test_accuracy": 0.5,
        "attack": "strattack",
        "paper": None,
        "card": {},
        "commands": {"training": "a", "attack": "b"},
        **dict.fromkeys(("best", "average", "worst", "all"), block),
    }
    plain = {**row, "defense": "none", "paper": TABLE_A1["none"], "all": {**block, "l1": 2.0, "l2": 4.0}}
    harder = {**row, "defense": "strattack", "paper": TABLE_A1["strattack"], "all": {**block, "l1": 3.0, "l2": 3.0}}
    text = write_tables(study_of(tmp_path, {}, [row, plain, harder]))
    assert "| PGD examples alone | 50.00 % | 0.0 % | - | - |" in text
    assert "| PGD examples alone | - | - | - | - | - | - | - | - |" in text
    assert "| examples of strattack | - | - | - | - | - | - | +50 % | -25 % |" in text
    assert "robust accuracy" not in text  # earlier versions recorded none
    others = [{**row, "defense": name} for name in ("ensemble", "smoothing", "noise")]
    text = write_tables(study_of(tmp_path, {}, [*others, row, harder, plain]))
    titles = ("nothing (no", "examples of", "PGD", "noisy images |", "noisy images;", "nothing else")
    places = [text.index(f"| {title}") for title in titles]
    assert places == sorted(places)


def test_robust_accuracy_is_shown_next_to_the_accuracy_on_the_test_set(tmp_path):
    block = {"asr": 0.5, "num_successes": 2, "num_examples": 4, **dict.fromkeys(("l0", "l1", "l2", "linf"), 1.0)}
    row = {
        "attack": "strattack",
        "card": {},
        "commands": {"training": "a", "attack": "b"},
        "test_accuracy": 0.5,
        **dict.fromkeys(("best", "average", "worst", "all"), block),
    }
    plain = {**row, "defense": "none", "temperature": None, "robust_accuracy": 0.25, "paper": TABLE_A1["none"]}
    earlier = {**row, "defense": "T=10", "temperature": 10.0, "paper": None}
    later = {**earlier, "defense": "T=20", "temperature": 20.0, "robust_accuracy": 0.125}
    text = write_tables(study_of(tmp_path, {}, [plain, earlier, later]))
    assert text.startswith("Robust accuracy is the share of all images")
    for shown in (
        "| trained with | test accuracy | robust accuracy | best ASR |",
        "| nothing (no defence) | 50.00 % | 25.0 % | 50.0 % | 1.0 | 1.000 |",
        "| the paper |  |  | 100.0 % |",
        "| temperature | test accuracy | robust accuracy | ASR best |",
        "| 10 | 50.00 % | - | 50.0 % |",
        "| 20 | 50.00 % | 12.5 % | 50.0 % |",
    ):
        assert shown in text, shown
    with (tmp_path / "defenses.csv").open() as file:
        assert [line["robust_accuracy"] for line in csv.DictReader(file)][::4] == ["0.25", "", "0.125"]
