"""eval.acceptance end to end: a line for each promise, acceptance.json, and status 1 where one is broken."""

import dataclasses
import json
import sys
from pathlib import Path

import keras
import numpy as np
import pytest

import tf_strattack as sa
from eval.inputs.attacks import make_attack
from eval.inputs.own_attacks import load_attack, version_of
from eval.promises.owners import owner_of
from tests import broken
from tests.directories import check_all_is_known
from tests.programs import check_mistakes, server_of
from tf_strattack.acceptance import PROMISES

EVERY = {"resume", *PROMISES, "process"}


def program(*arguments):
    return server_of("eval.acceptance").run(*arguments)


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """The flags of a small network, and of images with the classes that it gives them."""
    directory = tmp_path_factory.mktemp("small")
    keras.utils.set_random_seed(0)
    layers = [keras.Input((6, 6, 1)), keras.layers.Flatten(), keras.layers.Dense(4)]
    network = keras.Sequential(layers)
    network.save(directory / "net.keras")
    images = np.random.default_rng(0).uniform(size=(9, 6, 6, 1)).astype(np.float32)
    labels = network.predict(images, verbose=0).argmax(axis=1)
    np.savez(directory / "data.npz", images=images, labels=labels)
    return [f"--model={directory / 'net.keras'}", f"--dataset={directory / 'data.npz'}", "--num_images=6"]


def verdicts(directory):
    """The verdicts by promise, and the whole file."""
    content = json.loads((directory / "acceptance.json").read_text())
    (network,) = content["networks"]
    return {entry["promise"]: entry for entry in network["promises"]}, content


@pytest.fixture(scope="module")
def accepted(small, tmp_path_factory):
    out = tmp_path_factory.mktemp("accepted") / "out"
    return program(*small, "--attack=ifgm_linf", f"--output_dir={out}"), out


def test_a_line_and_an_entry_for_each_promise(accepted):
    (status, printed, err), out = accepted
    assert status == 0, err + printed
    found, content = verdicts(out)
    assert found.keys() == EVERY
    assert content["kept"]
    assert all(entry["kept"] is True for entry in found.values()), printed
    lines = [line for line in printed.splitlines() if line.startswith("  ")]
    assert lines == [f"  {name}: kept, {entry['reason']}" for name, entry in found.items()]
    assert "ifgm_linf, 12 examples; its own output: predict of net.keras" in printed
    assert printed.endswith("12 of 12 promises kept, 0 not applicable, 0 broken\n")


def test_nothing_is_overwritten_unless_it_is_asked_for(accepted, small, tmp_path):
    _, out = accepted
    before = (out / "acceptance.json").read_bytes()
    mistakes = [
        ([*small, "--attack=ifgm_linf", f"--output_dir={out}"], "acceptance.json, which exists: choose another or add"),
        ([*small, "--attack=fgm_l2", f"--output_dir={out}"], "differs in attack ('ifgm_linf' there, 'fgm_l2' here)"),
    ]
    check_mistakes("eval.acceptance", mistakes)
    assert (out / "acceptance.json").read_bytes() == before
    check_all_is_known(out, "eval.acceptance", tmp_path / "copy")


@pytest.mark.slow
def test_a_run_that_does_not_resume_as_it_began_is_found(small, tmp_path):
    """By a class of the user's own, which `eval.attack` takes too."""
    status, printed, err = program(*small, "--attack=tests.broken:Remembers", f"--output_dir={tmp_path / 'out'}")
    assert status == 1, err
    found, content = verdicts(tmp_path / "out")
    assert [name for name, entry in found.items() if entry["kept"] is False] == ["resume"]
    assert not content["kept"]
    assert "resume: BROKEN, shard 0 of 3 differs in c from that of a run at once" in printed
    assert printed.splitlines()[-1].endswith("1 broken: resume (" + small[0].removeprefix("--model=") + ")")


@pytest.mark.slow
def test_what_an_attack_prints_is_no_fault(small, tmp_path):
    given = [*small, "--attack=tests.broken:Prints", f"--output_dir={tmp_path / 'out'}"]
    assert program(*given)[0] == 0


def test_an_attack_that_depends_on_its_process_is_found(small, tmp_path):
    status, printed, err = program(
        *small, "--attack=tests.broken:FollowsItsProcess", f"--output_dir={tmp_path / 'out'}"
    )
    assert status == 1, err
    assert printed.count("BROKEN") == 1
    assert "process: BROKEN, the same call in another process differs in c\n" in printed


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "broken"), [("CountsHalf", 1), ("IgnoresTheMask", 1), ("TakesNoMask", 2), ("LooksTooLate", 1)]
)
def test_an_attack_of_one_s_own_that_breaks_a_promise_ends_with_1(small, name, broken, tmp_path):
    status, printed, err = program(*small, f"--attack=tests.broken:{name}", f"--output_dir={tmp_path / 'out'}")
    assert status == 1, err
    assert printed.count("BROKEN") == broken


@pytest.mark.parametrize(
    "name", ["AlwaysRaises", *(pytest.param(name, marks=pytest.mark.slow) for name in ("Exits", "FindsNothing"))]
)
def test_an_attack_that_never_returns_an_image_breaks_what_it_is_asked_for(small, name, tmp_path):
    status, printed, err = program(*small, f"--attack=tests.broken:{name}", f"--output_dir={tmp_path / 'out'}")
    assert status == 1
    assert "error" not in err
    found, content = verdicts(tmp_path / "out")
    assert found.keys() == EVERY
    assert not content["kept"]
    assert "broken: " in printed.splitlines()[-1]


def test_an_attack_that_ends_the_process_ends_no_pipeline_well(small, tmp_path):
    given = [*small, "--attack=tests.broken:Exits", "--targets=random", "--fail_if=l0 > 1e6"]
    status, _, err = server_of("eval.attack").run(*given, f"--output_dir={tmp_path / 'out'}")
    assert status == 1
    assert err.splitlines()[-1].startswith("error: expected the program to reach its end, received an exit")


def test_an_attack_of_one_s_own_that_fails_is_named_and_not_this_program(small, tmp_path):
    given = [*small, "--targets=random", f"--output_dir={tmp_path / 'out'}"]
    status, _, err = server_of("eval.attack").run(*given, "--attack=tests.broken:AlwaysRaises")
    assert status == 1
    line = err.splitlines()[-1]
    assert line.startswith("error: unexpected ValueError: not today (raised by broken.py, line ")
    Path(line.rpartition(" in ")[2].rstrip(")")).unlink()
    for name, shown in {
        "ReturnsImages": "received: the attack returned ndarray, not an AttackResult",
        "LeavesOutTheLast": "received: the attack returned images of shape (",
        "FindsNothing": "received: pixels that are NaN or infinite",
    }.items():
        status, _, err = server_of("eval.attack").run(*given, f"--attack=tests.broken:{name}", "--overwrite")
        assert status == 2
        assert f"error: expected a result for each example, {shown}" in err.splitlines()[-1]
    small_steps = ["--attack=tests.broken:ClaimsSuccess", "--attack_parameters=epsilon=1e-5", "--overwrite"]
    status, _, err = server_of("eval.attack").run(*given, *small_steps)
    assert status == 2
    assert "is not what the network says of their images: leave it to Attack.__call__" in err.splitlines()[-1]


def test_a_module_that_ends_the_process_is_a_mistake(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "ends_at_import.py").write_text("import sys\nsys.exit(0)\n")
    with pytest.raises(sa.InputError, match="received 'ends_at_import:Mine': SystemExit: 0"):
        load_attack("ends_at_import:Mine")


@pytest.mark.slow
def test_the_shipped_networks_keep_all_promises(tmp_path):
    status, printed, err = program("--num_images=2", "--attack=fgm_l2", f"--output_dir={tmp_path / 'out'}")
    assert status == 0, err + printed
    content = json.loads((tmp_path / "out" / "acceptance.json").read_text())
    assert [row["model"] for row in content["networks"]] == list(sa.shipped.NETWORKS)


@pytest.mark.slow
def test_an_attack_of_one_s_own_attacks_in_other_programs(small, tmp_path):
    flags = [*small, "--attack=tests.broken:Unseeded", "--targets=random", "--attack_parameters=norm=l2"]
    status, _, err = server_of("eval.attack").run(*flags, f"--output_dir={tmp_path / 'out'}")
    assert status == 0, err
    metrics = json.loads((tmp_path / "out" / "metrics.json").read_text())
    assert (metrics["attack"], metrics["attack_parameters"]["norm"]) == ("tests.broken:Unseeded", "l2")
    assert " tests.broken " in metrics["code_version"]


@pytest.mark.parametrize(
    ("content", "name", "shown"),
    [
        ("def (", "module:Mine", "SyntaxError: invalid syntax (module.py, line 1); the module was found; python -c"),
        ("import absent", "module:Mine", "No module named 'absent'; the module was found; python -c 'import module'"),
        ("", "module.py:Mine", "write the name of the module and not of its file: module:ClassName"),
        ("", "./module:Mine", "write the name of the module and not of its file: module:ClassName"),
        ("", "package.absent:Mine", "run the program in the directory of the module"),
        ("", ":Mine", "run the program in the directory of the module"),
    ],
)
def test_the_remedy_for_a_module_that_cannot_be_imported_fits(content, name, shown, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.delitem(sys.modules, "module", raising=False)
    (tmp_path / "module.py").write_text(content)
    with pytest.raises(sa.InputError) as failure:
        load_attack(name)
    assert shown in str(failure.value)


def test_a_class_that_refuses_its_parameters_and_one_of_a_built_in_class(monkeypatch):
    @dataclasses.dataclass(frozen=True, kw_only=True)
    class Refuses(sa.FGM):
        def __post_init__(self):
            raise ValueError("not these")

    @dataclasses.dataclass(frozen=True, kw_only=True)
    class Mixed(sa.FGM, dict):
        pass

    monkeypatch.setattr(broken, "Refuses", Refuses, raising=False)
    with pytest.raises(sa.InputError, match="Refuses, received: ValueError: not these"):
        make_attack("tests.broken:Refuses", [])
    assert version_of(Mixed())


MISTAKES = [
    (["--attack=nowhere:Mine"], "received 'nowhere:Mine': ModuleNotFoundError: No module named 'nowhere'; run the"),
    (["--attack=tests.broken:Mine"], "with a class of tests.broken (ClaimsSuccess, ReturnsFailures"),
    (["--attack=tests.broken:dataclasses"], "with a dataclass that derives from tf_strattack.Attack"),
    (["--attack=tests.broken:Remembers", "--attack_parameters=tau=1"], "expected a parameter of tests.broken:Rem"),
    (["--attack=tests.broken:HasAPath"], "expected fields of tests.broken:HasAPath that JSON holds"),
    (["--attack=mine"], "or package.module:ClassName of your own, received 'mine'"),
    (["--dataset=sample"], "expected --dataset with --model=NAME, received it with the shipped networks"),
    (["--bounds=0,255"], "expected --bounds with --model=NAME, received it with the shipped networks"),
    (["--verify"], "Unknown command line flag 'verify'"),
]


def test_a_mistake_gets_one_line_and_status_2(tmp_path):
    out = f"--output_dir={tmp_path / 'out'}"
    check_mistakes("eval.acceptance", [([*given, out], message) for given, message in MISTAKES])
    assert not (tmp_path / "out").exists()


def test_of_two_classes_the_other_is_the_target_by_default(tmp_path):
    network = keras.Sequential([keras.Input((6, 6, 1)), keras.layers.Flatten(), keras.layers.Dense(2)])
    network.save(tmp_path / "net.keras")
    images = np.random.default_rng(0).uniform(size=(4, 6, 6, 1)).astype(np.float32)
    np.savez(tmp_path / "data.npz", images=images, labels=network.predict(images, verbose=0).argmax(axis=1))
    given = [f"--model={tmp_path / 'net.keras'}", f"--dataset={tmp_path / 'data.npz'}", "--attack=fgm_l2"]
    status, out, err = program(*given, f"--output_dir={tmp_path / 'out'}")
    assert status == 0, err + out
    assert "net.keras, fgm_l2, 4 examples;" in out
    assert verdicts(tmp_path / "out")[1]["networks"][0]["targets"] == "random"
    mistake = ([*given, "--targets=random:2", f"--output_dir={tmp_path / 'two'}"], "expected --targets of at most 1")
    check_mistakes("eval.acceptance", [mistake])


def test_the_owner_calls_the_file_itself_where_it_can(tmp_path):
    images, _, _ = sa.shipped.load_sample()
    keras_file = owner_of("mnist_cnn", images[:3], plain=True)
    assert keras_file.how == "predict of mnist_cnn.keras"
    logits = sa.shipped.load_classifier().predict(images[:3])
    np.testing.assert_array_equal(np.asarray(keras_file.call(images[:3])).argmax(axis=1), logits.argmax(axis=1))
    layers = [keras.Input((6, 6, 1)), keras.layers.Flatten(), keras.layers.Dense(4)]
    keras.Sequential(layers).export(tmp_path / "saved", verbose=False)
    small = np.zeros((2, 6, 6, 1), np.float32)
    saved = owner_of(str(tmp_path / "saved"), small, plain=True)
    assert saved.how == "serving_default of saved"
    assert np.asarray(saved.call(small)).shape == (2, 4)
    through = "through the classifier, not compiled"
    assert owner_of("mnist_cnn", images[:3], plain=False).how == through
    assert owner_of("inception_v3", images[:3], plain=True).how == through
    assert owner_of("mnist_cnn", small, plain=True).how == through


def test_the_version_of_a_run_follows_the_sources_of_one_s_own_attack():
    assert version_of(sa.FGM()) == version_of(make_attack("strattack", [])) == ""
    assert version_of(make_attack("tests.broken:Unseeded", [])).startswith(" tests.broken ")
    assert version_of(broken.Unseeded()) != version_of(broken.Remembers())
