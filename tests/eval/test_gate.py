"""A gate for continuous integration: conditions that fail a run, and metrics.sarif."""

import json
import shutil
from types import SimpleNamespace

import jsonschema
import numpy as np
import pytest

import tf_strattack as sa
from eval.gate import sarif
from eval.gate.conditions import judge, parse_conditions
from tests.builders import write_folder
from tests.programs import check_mistakes, server_of
from tests.schemas import check_json
from tf_strattack.programs.directories.marker import read_claim

FEW = ("--attack=fgm_l2", "--num_images=6", "--targets=random:3")


def program(*arguments):
    return server_of("eval.attack").run(*arguments)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """A finished run on image files: its flags, and its directory."""
    directory = tmp_path_factory.mktemp("gate")
    images, labels, _ = sa.shipped.load_sample()
    rows = [int(np.flatnonzero(labels == index % 3)[index // 3]) for index in range(6)]
    write_folder(directory / "a digit", list(sa.images.to_uint8(images[rows])[..., 0]))
    flags = [*FEW, f"--dataset={directory / 'a digit' / 'images'}", f"--output_dir={directory / 'out'}"]
    status, _, err = program(*flags)
    assert status == 0, err
    return flags, directory / "out"


def lines(out):
    return [line for line in out.splitlines() if line.startswith(("failed: ", "passed: "))]


def test_a_condition_that_holds_ends_a_finished_run_with_3_and_says_why(run):
    flags, directory = run
    block = json.loads((directory / "metrics.json").read_text())["all"]
    text = f"l2 > {block['l2'] / 2:.3f}"
    status, out, err = program(*flags, f"--fail_if=l0 >= 1e6; {text}", "--fail_if=worst.asr >= 1")
    assert status == 3, err
    over = f"({block['num_successes']} of {block['num_examples']} examples)"
    assert lines(out) == [
        f"passed: l0 >= 1e6: l0 is {block['l0']:.6g} {over}",
        f"failed: {text}: l2 is {block['l2']:.6g} {over}",
        lines(out)[2],
    ]
    assert lines(out)[2].startswith("passed: worst.asr >= 1: asr is ")
    assert program(*flags, "--fail_if=l2 <= 0")[0] == 0


@pytest.mark.slow
def test_a_new_run_and_a_verified_one_are_judged_too(run, tmp_path):
    flags, directory = run
    shutil.copytree(directory, tmp_path / "copy")
    next((tmp_path / "copy" / "shards").glob("*.json")).unlink()
    for out, more in ((tmp_path / "new", []), (tmp_path / "copy", []), (directory, ["--verify"])):
        status, printed, err = program(*flags[:-1], f"--output_dir={out}", "--fail_if=num_images == 6", *more)
        assert status == 3, err
        assert lines(printed) == ["failed: num_images == 6: num_images is 6"]


MISTAKES = [
    (
        "asrr > 0.5",
        "with a measure of asr, num_successes, num_examples, l0, l1, l2, linf, acp",
    ),
    ("asrr > 0.5", "received 'asrr': did you mean asr?"),
    ("best.clean_accuracy > 0.5", "received 'best.clean_accuracy'"),
    ("asr > half", "with a number, received 'half' in 'asr > half'"),
    ("asr > nan", "with a number, received 'nan'"),
    ("asr = 0.5", "with one of <= >= == < >, received 'asr = 0.5'"),
    ("asr > 0.5 at asr > 1", "with a measure of l0, l1, l2, linf, acp, anc, d20, nonzero_groups, groups"),
    ("asr > 0.5 at", "expected --fail_if="),
    ("0.5 < asr", "expected --fail_if="),
    ("asr > 0.5 and l2 < 1", "received 'asr > 0.5 and l2 < 1'; several conditions have ; between them, and"),
    ("asr > 0.5, l2 < 1", "received 'asr > 0.5, l2 < 1'; several conditions have ; between them"),
    ("asr > 0.5 at l2 <= 2 && groups < 3", "; limits after at have and between them, and all of them hold"),
    ("asr > 0.5 at l2 <= 2 or groups < 3", "; limits after at have and between them, and all of them hold"),
    ("linf < 1e-7", "with linf from 0 to 1, to which all below 1e-06 are rounded, received 'linf < 1e-7'"),
    ("asr > 50", "with asr from 0 to 1, received 'asr > 50', which never does"),
    ("worst.asr > 1", "with worst.asr from 0 to 1, received 'worst.asr > 1', which never does"),
    ("robust_accuracy < 0", "with robust_accuracy from 0 to 1, received 'robust_accuracy < 0', which never does"),
    ("asr == 2", "with asr from 0 to 1, received 'asr == 2', which never does"),
    ("asr > 0.5 at groups <= -1", "with groups of at least 1 and whole, received 'groups <= -1', which never does"),
    ("linf > 16", "with linf from 0 to 1, received 'linf > 16', which never does"),
    ("asr > 0 at groups == 5.5", "with groups of at least 1 and whole, received 'groups == 5.5', which never does"),
    ("num_images == 4.5", "with num_images of at least 0 and whole, received 'num_images == 4.5', which never does"),
    ("asr > 0 at l2 < 1 and linf < 1 and l2 > 1", "received 'l2 < 1 and linf < 1 and l2 > 1': no l2 is within these"),
    (
        "asr > 0 at groups > 5 and nonzero_groups < 6",
        "'groups > 5 and nonzero_groups < 6': no nonzero_groups is within",
    ),
    ("num_examples > 2 at groups <= 5", "limits choose successes, on which num_examples does not depend"),
    ("best.num_examples > 2 at l2 <= 5", "successes, on which best.num_examples does not depend"),
    ("seconds_per_example > 0 at l2 <= 1", "with at after asr, num_successes, robust_accuracy, l0, l1, l2, linf, acp,"),
    ("clean_accuracy < 1 at l2 <= 1", "limits choose successes, on which clean_accuracy does not depend"),
    ("groups < 1", "with groups of at least 1, received 'groups < 1', which never does"),
    ("", "received '', with no condition"),
    (" ; ", "received ' ; ', with no condition"),
]


def test_a_condition_with_a_mistake_is_refused_before_the_work_begins(tmp_path):
    given = [f"--output_dir={tmp_path / 'out'}", "--model=nothing.keras"]
    check_mistakes("eval.attack", [([f"--fail_if={text}", *given], message) for text, message in MISTAKES])
    assert not (tmp_path / "out").exists()


def test_a_condition_on_an_accuracy_that_there_is_not_is_refused(tmp_path):
    given = ["--model=mobilenet_v2", "--weights=none", f"--output_dir={tmp_path / 'out'}"]
    message = "on another measure with --weights=none, received 'robust_accuracy < 1': labels are the network's own"
    check_mistakes("eval.attack", [([*given, "--fail_if=robust_accuracy < 1"], message)])
    assert parse_conditions(["asr > 0.5"], own_labels=True)


def test_with_maps_of_one_s_own_a_success_may_change_no_group(tmp_path):
    conditions = parse_conditions(["asr > 0 at groups < 1; best.groups <= 0.5"], own_groups=True)
    assert conditions[0].limits[0].ends == (0.0, np.inf)
    with pytest.raises(sa.InputError, match="with groups of at least 0, received 'groups < 0', which never does"):
        parse_conditions(["groups < 0"], own_groups=True)
    images, labels, _ = sa.shipped.load_sample()
    np.savez(tmp_path / "images.npz", images=images[:2], labels=labels[:2])
    np.savez(tmp_path / "maps.npz", labels=np.full((28, 28), -1, np.int32) * (np.arange(28) > 0))
    given = [f"--dataset={tmp_path / 'images.npz'}", f"--groups=file:{tmp_path / 'maps.npz'}", "--attack=sigma_zero"]
    given += ["--targets=untargeted", "--attack_parameters=max_iterations=40", f"--output_dir={tmp_path / 'out'}"]
    status, out, _ = server_of("eval.attack").run(*given, "--fail_if=asr > 0 at groups < 1")
    assert status == 3
    assert "failed: asr > 0 at groups < 1: asr is " in out


def made_up():
    """Six examples of two images, as a run has them: one success of the first, all three of the second."""
    measured = {
        "image": np.array(["a", "a", "a", "b", "b", "b"]),
        "success": np.array([False, True, False, True, True, True]),
        "l2": np.array([0.0, 2.0, 0.0, 1.0, 3.0, 5.0]),
        "nonzero_groups": np.array([0, 4, 0, 5, 6, 7]),
        **{name: np.arange(6.0) for name in ("l0", "l1", "linf", "acp", "anc", "d20")},
        **{name: np.arange(6.0) for name in ("seconds", "gradient", "forward")},
    }
    store = SimpleNamespace(
        measures=lambda: iter([{**measured}]), configuration={"seed": 0}, plan=SimpleNamespace(skipped=2)
    )
    return store, SimpleNamespace(own_labels=False)


@pytest.mark.parametrize(
    ("text", "status", "shown"),
    [
        ("asr > 0.5", 3, "asr is 0.666667 (4 of 6 examples)"),
        ("asr>0.5 at groups<=5", 0, "asr is 0.333333 there (2 of 6 examples)"),
        ("asr > 0.3 at groups <= 5 and l2 < 2", 0, "asr is 0.166667 there (1 of 6 examples)"),
        ("asr >= 1/3 at groups <= 5, l2 <= 2", 3, "asr is 0.333333 there (2 of 6 examples)"),
        ("l2 == 2.75", 3, "l2 is 2.75 (4 of 6 examples)"),
        ("l2 < 2 at groups <= 5", 3, "l2 is 1.5 there (2 of 6 examples)"),
        ("asr > 0 at l2 >= 2 and l2 <= 2", 3, "asr is 0.166667 there (1 of 6 examples)"),
        ("l2 < 9 at groups <= 1", 0, "l2 has no value, without a success there (0 of 6 examples)"),
        ("worst.asr > 0", 3, "asr is 0.5 (1 of 2 examples)"),
        ("nonzero_groups == 5.5", 3, "nonzero_groups is 5.5 (4 of 6 examples)"),
        ("best.num_examples < 3", 3, "num_examples is 2 (2 of 2 examples)"),
        ("l2 > 2.7499999", 0, "l2 is 2.75 (4 of 6 examples)"),
        ("asr > 0 at l2 <= 0.9999999", 3, "asr is 0.166667 there (1 of 6 examples)"),
        ("l2 > 2.7499", 3, "l2 is 2.75 (4 of 6 examples)"),
        ("asr > 0 at l2 <= 0.9999", 0, "asr is 0 there (0 of 6 examples)"),
        ("best.groups <= 4.5", 3, "groups is 4.5 (2 of 2 examples)"),
        ("robust_accuracy < 0.25", 3, "robust_accuracy is 0"),
        ("robust_accuracy < 0.25 at l2 < 2", 0, "robust_accuracy is 0.25 there"),
        ("clean_accuracy <= 0.5", 3, "clean_accuracy is 0.5"),
    ],
)
def test_conditions_are_on_the_figures_within_their_limits(text, status, shown, capsys):
    assert judge(parse_conditions([text]), *made_up()) == status
    assert capsys.readouterr().out == f"{'failed' if status else 'passed'}: {text}: {shown}\n"


def test_each_fooled_image_is_a_result_at_its_file(run):
    _, directory = run
    check_json("sarif", directory / "metrics.sarif")
    (found,) = json.loads((directory / "metrics.sarif").read_text())["runs"]
    metrics = json.loads((directory / "metrics.json").read_text())
    results = found["results"]
    assert len(results) == metrics["best"]["num_successes"] > 0
    assert sum(result["properties"]["reached"] for result in results) == metrics["all"]["num_successes"]
    fewest = [result["properties"]["l2"] for result in results]
    assert np.mean(fewest) == pytest.approx(metrics["best"]["l2"])
    for result in results:
        place = result["locations"][0]["physicalLocation"]["artifactLocation"]
        name = result["locations"][0]["logicalLocations"][0]["name"]
        assert place == {"uri": f"images/{name}", "uriBaseId": "DATASET"}
        assert result["message"]["text"].startswith("fgm_l2 makes the network see ")
    assert len({result["partialFingerprints"][sarif.FINGERPRINT] for result in results}) == len(results)
    driver = found["tool"]["driver"]
    assert driver["version"] == sa.__version__
    assert [rule["id"] for rule in driver["rules"]] == [sarif.RULE]
    (invocation,) = found["invocations"]
    assert invocation["commandLine"] == metrics["command"]
    assert read_claim(directory).program == "eval.attack"


def test_what_a_schema_refuses_is_refused(run, tmp_path):
    _, directory = run
    content = json.loads((directory / "metrics.sarif").read_text())
    content["runs"][0]["results"][0].pop("partialFingerprints")
    (tmp_path / "metrics.sarif").write_text(json.dumps(content))
    with pytest.raises(jsonschema.ValidationError):
        check_json("sarif", tmp_path / "metrics.sarif")


@pytest.mark.slow
def test_fingerprints_do_not_change_between_runs_and_attacks(run, tmp_path):
    def fingerprints(directory):
        (found,) = json.loads((directory / "metrics.sarif").read_text())["runs"]
        return {
            result["locations"][0]["logicalLocations"][0]["name"]: result["partialFingerprints"]
            for result in found["results"]
        }

    flags, directory = run
    flags = [flag for flag in flags if not flag.startswith(("--attack=", "--output_dir="))]
    status, _, err = program(*flags, "--attack=fgm_linf", "--seed=3", f"--output_dir={tmp_path / 'out'}")
    assert status == 0, err
    ours, theirs = fingerprints(directory), fingerprints(tmp_path / "out")
    both = ours.keys() & theirs.keys()
    assert both
    assert all(ours[name] == theirs[name] for name in both)


@pytest.mark.parametrize(
    ("text", "escaped"),
    [("see [5] in {0}.png", r"see \[5\] in {{0}}.png"), ("a\\b [x](y)", r"a\\b \[x\](y)"), ("plain", "plain")],
)
def test_messages_are_plain_text_for_readers_of_sarif(text, escaped):
    assert sarif._message(text) == {"text": escaped}
