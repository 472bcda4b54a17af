"""The program end to end with tiny settings, and one line for each mistake."""

import json
import shutil

import numpy as np
import pytest
from absl import flags
from absl.testing import flagsaver

import tf_strattack as sa
from eval.benchmarks.flags import SECTION_NAMES
from eval.benchmarks.program import benchmark
from eval.benchmarks.sections import SECTIONS
from tests.directories import check_all_is_known, contents, lay
from tests.programs import check_mistakes, server_of

TINY = [
    "--nets=mnist_cnn",
    "--floor_batch_sizes=1,9",
    "--curve_examples=3",
    "--curve_evaluations=6,60",
    "--pareto_taus=2,0.65",
    "--pareto_examples=3",
    "--groups_budgets=5,50",
    "--memory_batch_sizes=16",
    "--scaling_images=3",
    "--batch_sizes=2",
    "--repeats=2",
    "--attack=strattack",
    "--attack_parameters=max_iterations=15,fallback.max_iterations=15,refine=False",
]
LEFT = {"benchmark.json", "benchmark.png", "report.html", "config.json"}


def program(*arguments):
    return server_of("eval.benchmark").run(*arguments)


def measure(sections, directory):
    status, out, err = program(f"--sections={sections}", *TINY, f"--output_dir={directory}")
    assert status == 0, err
    return directory, json.loads((directory / "benchmark.json").read_text()), out


def check_rows(facts, out, expected):
    assert list(facts["sections"]) == list(expected)
    for name, rows in facts["sections"].items():
        assert len(rows) == expected[name]
        assert name in out.splitlines()
        for row in rows:
            assert set(SECTIONS[name]) <= row.keys()
            numbers = [value for value in row.values() if isinstance(value, int | float)]
            assert len(numbers) >= 3


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    return measure("floor,curves,pareto,groups,attacks", tmp_path_factory.mktemp("benchmark") / "out")


@pytest.mark.slow
def test_the_json_says_what_ran_where(run):
    _, facts, _ = run
    assert {
        "code",
        "nets",
        "command",
        "versions",
        "seed",
        "machine",
        "configuration",
        "sections",
        "finished_at",
    } == facts.keys()
    assert facts["machine"]["cpu_count"] >= 1
    assert any(device.startswith("CPU:") for device in facts["machine"]["devices"])
    configuration = facts["configuration"]
    assert configuration["sections"] == list(facts["sections"])
    assert configuration["attacks"]["strattack"]["solver"]["max_iterations"] == 15
    assert configuration["floor_batch_sizes"] == [1, 9]
    assert configuration["pareto_taus"] == [0.65, 2]
    assert configuration["pareto_examples"] == 3
    assert configuration["groups_budgets"] == [5, 50]


def test_flags_that_it_does_not_use_are_none_of_its_own():
    mistakes = [([f"--{name}=3"], f"Unknown command line flag '{name}'") for name in ("num_images", "tensorboard_dir")]
    check_mistakes("eval.benchmark", mistakes)


def test_the_sections_of_the_flag_are_those_that_can_be_measured():
    assert tuple(SECTIONS) == SECTION_NAMES


@pytest.mark.slow
def test_every_section_has_its_rows_and_its_columns(run):
    _, facts, out = run
    check_rows(facts, out, {"floor": 4, "curves": 5, "pareto": 2, "groups": 2, "attacks": 1})


@pytest.mark.slow
def test_the_figures_of_a_row_agree(run):
    sections = run[1]["sections"]
    for row in sections["floor"]:
        assert row["milliseconds"] > 0
        assert row["milliseconds_per_example"] == pytest.approx(row["milliseconds"] / row["rows"])


@pytest.mark.slow
def test_memory_and_scaling_are_measured_in_processes_of_their_own(tmp_path):
    _, facts, out = measure("memory,scaling", tmp_path / "out")
    check_rows(facts, out, {"memory": 2, "scaling": 1})
    disjoint, overlapping = facts["sections"]["memory"]
    assert disjoint["loaded_mib"] > 100
    assert overlapping["ratio_of_totals"] == pytest.approx(overlapping["total_mib"] / disjoint["total_mib"])
    assert disjoint["over_smallest_mib"] == 0
    (scaling,) = facts["sections"]["scaling"]
    assert scaling["num_examples"] <= scaling["num_images"] == 3
    assert scaling["seconds_per_image"] == pytest.approx(scaling["seconds"] / 3)
    assert scaling["dataset_mib"] == pytest.approx(3 * 28 * 28 / 2**20)


@pytest.mark.slow
def test_the_calls_of_an_attack_cover_its_evaluations(run):
    (row,) = run[1]["sections"]["attacks"]
    for kind in ("gradient", "forward"):
        calls = [call for call in row["runs"][0]["calls"] if call["kind"] == kind]
        covered = sum(call["number"] * call["rows"] for call in calls)
        assert covered >= row["batch_size"] * row[f"{kind}_evaluations_per_example"]


@pytest.mark.slow
def test_the_figure_is_a_picture_of_some_size(run):
    import matplotlib.image

    picture = matplotlib.image.imread(run[0] / "benchmark.png")
    assert picture.shape[0] > 600
    assert picture.shape[1] > 1200
    assert picture[..., :3].std() > 0.1


@pytest.mark.slow
def test_a_directory_is_claimed_as_that_of_every_program(run, tmp_path):
    directory, facts, _ = run
    (tmp_path / "file").touch()
    lay(tmp_path / "mine", {"thesis.txt": "precious", "report.html": "mine"})
    same = [*TINY, f"--sections={','.join(facts['sections'])}", f"--output_dir={directory}"]
    before = contents(directory)
    assert {*LEFT, "lock"} == before.keys()
    mistakes = [
        ([f"--output_dir={directory}"], "differs in sections"),
        ([*same, "--seed=3"], "differs in seed (0 there, 3 here): choose another directory, or add --overwrite"),
        ([f"--output_dir={tmp_path / 'file'}"], "expected --output_dir to be a directory, received"),
        ([f"--output_dir={tmp_path / 'mine'}", "--overwrite"], "to be new, empty or a run of these programs"),
    ]
    check_mistakes("eval.benchmark", mistakes)
    assert contents(directory) == before
    assert contents(tmp_path / "mine") == {"thesis.txt": b"precious", "report.html": b"mine"}


@pytest.mark.slow
def test_all_that_was_written_is_known(run, tmp_path):
    check_all_is_known(run[0], "eval.benchmark", tmp_path / "copy")


def test_what_was_measured_before_a_stop_stays_and_the_rest_is_measured(tmp_path):
    path = tmp_path / "out" / "benchmark.json"
    given = [
        *("--nets=mnist_cnn", "--sections=floor,structured", "--floor_batch_sizes=1", "--structured_attacks=fgm_l2"),
        *("--structured_examples=2", f"--output_dir={tmp_path / 'out'}"),
    ]

    def measured(*more):
        status, out, err = program(*given, *more)
        assert status == 0, err
        assert out.count("\nstructured\n") == 1
        return json.loads(path.read_text()), err

    first, _ = measured()
    assert first["nets"][0]["network"].endswith(", images from 0 to 1")
    assert [len(part) for part in first["nets"][0]["examples"].values()] == [450] * 3
    path.write_text(json.dumps({**first, "sections": {"floor": first["sections"]["floor"]}}))
    for _ in range(2):  # stopped, and complete
        assert measured()[0]["sections"] == first["sections"]
    path.write_text(json.dumps({**first, "code": "0.1.0"}))
    again, err = measured()
    assert "its sections are measured again" in err
    assert again["sections"]["floor"] != first["sections"]["floor"]
    assert measured("--overwrite")[0]["sections"]["floor"] != again["sections"]["floor"]
    assert {entry.name for entry in path.parent.iterdir()} == {*LEFT, "lock"}
    inside = f"--envelope={tmp_path / 'out' / 'best.npz'}"
    check_mistakes("eval.benchmark", [([*given, inside], "expected --envelope outside --output_dir, received")])


@pytest.mark.slow
def test_overwrite_replaces_a_benchmark_and_nothing_else(run, tmp_path):
    shutil.copytree(run[0], tmp_path / "out")
    (tmp_path / "out" / "notes.txt").write_text("mine")
    status, _, err = program(*TINY, "--sections=floor", f"--output_dir={tmp_path / 'out'}", "--overwrite")
    assert status == 0, err
    assert list(json.loads((tmp_path / "out" / "benchmark.json").read_text())["sections"]) == ["floor"]
    assert (tmp_path / "out" / "notes.txt").read_text() == "mine"


@pytest.mark.slow
def test_images_that_another_program_returned_are_measured_like_ours(mnist, digits, tmp_path):
    images, labels, _ = (part[:4] for part in digits)
    targets = (labels + 1) % 10
    found = sa.IFGM(norm="l2")(mnist, images, labels, targets)
    assert found.success.all()
    returned = np.where(np.arange(4)[:, None, None, None] == 0, np.nan, found.adversarial)
    returned[3] = images[3]  # a failure, the place of which they do not know
    examples = {"images": images, "labels": labels, "targets": targets}
    np.savez(tmp_path / "theirs.npz", **examples, adv_theirs=returned)
    status, _, err = program(
        "--nets=model",
        f"--peers={tmp_path / 'theirs.npz'}",
        "--sections=peers,structured",
        "--structured_attacks=fgm_l2",
        f"--output_dir={tmp_path / 'out'}",
    )
    assert status == 0, err
    sections = json.loads((tmp_path / "out" / "benchmark.json").read_text())["sections"]
    (judged,) = (row for row in sections["peers"] if row["setting"] == "theirs")
    assert (judged["net"], judged["num_examples"], judged["num_outside"]) == ("model", 3, 0)
    assert judged["asr"] == pytest.approx(2 / 3)
    rows = {row["attack"]: row for row in sections["structured"]}
    assert rows.keys() == {"fgm_l2", "theirs"}
    assert (rows["theirs"]["num_examples"], rows["fgm_l2"]["num_examples"]) == (3, 4)
    assert rows["theirs"]["median_l2"] == pytest.approx(max(sa.metrics.l2(found.delta[1:3])), rel=1e-4)
    np.savez(tmp_path / "short.npz", **{**examples, "labels": labels[:3]})
    check_mistakes(
        "eval.benchmark",
        [
            (
                ["--nets=model", "--sections=peers", f"--peers={tmp_path / 'short.npz'}"],
                f"expected labels of {tmp_path / 'short.npz'} to have the shape (4,), received (3,)",
            )
        ],
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--sections=flor"], f"expected --sections to be of {', '.join(SECTIONS)}, received 'flor'"),
        (["--sections="], f"expected --sections to be of {', '.join(SECTIONS)}, received ''"),
        (["--nets=resnet"], "expected --nets to be of mnist_cnn, mnist_cases, cifar10_cases, model, received 'resnet'"),
        (["--nets=mnist_cases"], "expected --cases_dir with the net mnist_cases, received none"),
        (["--nets=mnist_cases", "--cases_dir=nowhere"], "received nowhere/mnist_net.keras, which does not exist"),
        (["--attacks=none"], "expected --attacks to be of strattack, strattack_overlap"),
        (["--attacks=strattack", "--attack=strattack"], "expected --attack or --attacks, received both"),
        (["--attack_parameters=tau=2"], "expected --attack with --attack_parameters, received 2 attacks"),
        (["--attack=strattack", "--attack_parameters=taw=2"], "expected a parameter of strattack"),
        (["--batch_sizes=9,0"], "expected --batch_sizes to be positive whole numbers, received '0'"),
        (["--scaling_images=many"], "expected --scaling_images to be positive whole numbers, received 'many'"),
        (["--groups_budgets=5,"], "expected --groups_budgets to be positive whole numbers, received ''"),
        (["--groups_budgets=2.5"], "expected --groups_budgets to be positive whole numbers, received '2.5'"),
        (["--pareto_taus="], "expected --pareto_taus to be positive numbers, received ''"),
        (["--pareto_taus=1,x"], "expected --pareto_taus to be positive numbers, received 'x'"),
        (["--pareto_taus=0"], "expected --pareto_taus to be positive numbers, received '0'"),
        (["--pareto_taus=-1"], "expected --pareto_taus to be positive numbers, received '-1'"),
        (["--pareto_taus=nan"], "expected --pareto_taus to be positive numbers, received 'nan'"),
        (["--pareto_taus=inf"], "expected --pareto_taus to be positive numbers, received 'inf'"),
        (["--sections=peers", "--nets=mnist_cnn"], "expected a net with arrays adv_NAME of other programs"),
        (["--peers=a.npz"], "expected --peers with --nets=model, received it with mnist_cnn"),
        (
            ["--nets=model", "--sections=floor", "--peers=a.npz"],
            "expected --peers with --sections of peers, structured, received floor",
        ),
        (
            ["--nets=model", "--sections=peers", "--peers=a.npz", "--dataset=sample"],
            "expected flags of eval.benchmark with --peers, received --dataset, which it does not use",
        ),
        (["--nets=model", "--sections=peers", "--peers=nowhere.npz"], "received nowhere.npz, which does not exist"),
        (["--nets=model", "--sections=peers"], "received none: add --cases_dir=DIR, or --nets=model and a file"),
        (["--envelope=best.npz"], "expected --envelope with --sections=structured, received it with floor,attacks,"),
        (["--sections=structured", "--envelope=nowhere/best.npz"], "expected --envelope in a directory that exists"),
        (["--sections=structured", f"--envelope={__file__}"], "expected an envelope that --envelope has written"),
        (["--structured_attacks=none"], "expected --structured_attacks to be of strattack, strattack_overlap"),
        (["--model=mnist_cnn"], "expected flags of eval.benchmark without --nets=model, received --model"),
        (["--nets=model", "--sections=memory,floor"], "expected --sections without memory with --nets=model"),
        (
            ["--nets=model", "--sections=floor", "--targets=untargeted"],
            "expected target classes in --targets with --nets=model",
        ),
    ],
)
def test_a_mistake_is_refused_before_anything_is_measured(arguments, message, tmp_path):
    with flagsaver.flagsaver():
        flags.FLAGS(["benchmark", *arguments, f"--output_dir={tmp_path / 'out'}"])
        with pytest.raises(sa.InputError) as error:
            benchmark()
    assert message in str(error.value)
    assert not (tmp_path / "out").exists()
