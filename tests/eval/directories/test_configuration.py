"""A directory belongs to one configuration, and to one process at a time."""

import os

import pytest

from tests.directories import OTHERS, contents, lay, take
from tests.programs import FORKS
from tf_strattack import InputError
from tf_strattack.programs.directories.configuration import claim
from tf_strattack.programs.directories.sealed import read_sealed

MADE_BY = {"made_by": "tf_strattack eval.attack"}


def claim_and_wait(directory, connection):
    take(directory, {"a": 1})
    connection.send("claimed")
    connection.recv()


def hold(directory):
    """A process that has claimed the directory, and our end of its connection."""
    ours, theirs = FORKS.Pipe()
    process = FORKS.Process(target=claim_and_wait, args=(directory, theirs))
    process.start()
    assert ours.recv() == "claimed"
    return process, ours


def test_a_second_process_is_refused_until_the_first_has_died(tmp_path):
    directory = tmp_path / "run"
    first, connection = hold(directory)
    for overwrite in (False, True):
        with pytest.raises(InputError, match=r"to be free, received .*, in which another process is at work"):
            take(directory, {"a": 2 if overwrite else 1}, overwrite=overwrite)
    assert read_sealed(directory / "config.json") == {**MADE_BY, "a": 1}
    first.kill()
    first.join()
    connection.close()
    take(directory, {"a": 1})


def test_the_difference_is_shown_in_nested_values(tmp_path):
    take(tmp_path / "run", {"seed": 0, "attack": {"tau": 1.0, "rho": None}})
    with pytest.raises(InputError, match=r"differs in attack.tau \(1.0 there, 2.0 here\): choose another directory"):
        take(tmp_path / "run", {"seed": 0, "attack": {"tau": 2.0, "rho": None}})


def test_the_same_configuration_of_another_program_is_different(tmp_path):
    take(tmp_path / "run", {"a": 1})()
    with pytest.raises(InputError, match=r"the program \(eval.attack there, eval.table1 here\): choose another"):
        take(tmp_path / "run", {"a": 1}, program="eval.table1")
    take(tmp_path / "run", {"a": 1}, program="eval.table1", overwrite=True)
    assert read_sealed(tmp_path / "run" / "config.json") == {"made_by": "tf_strattack eval.table1", "a": 1}


def test_what_a_kill_left_of_a_claim_is_taken_up(tmp_path):
    (tmp_path / "config.json.1a2b3c4d.partial").write_text('{\n  "made_by": "tf_str')
    (tmp_path / "config.json.00000000.partial").touch()
    (tmp_path / "lock").touch()
    take(tmp_path, {"a": 1})
    assert read_sealed(tmp_path / "config.json") == {**MADE_BY, "a": 1}
    assert sorted(os.listdir(tmp_path)) == ["config.json", "lock"]


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize("kind", OTHERS)
def test_a_directory_of_no_program_is_refused_with_any_flags(kind, overwrite, tmp_path):
    lay(tmp_path, OTHERS[kind])
    before = contents(tmp_path)
    with pytest.raises(InputError, match=r"to be new, empty or a run of these programs, received") as error:
        take(tmp_path, {"a": 1}, overwrite=overwrite)
    assert str(error.value).endswith(": choose another directory")
    assert "--overwrite" not in str(error.value)
    assert ("of version 0.2.0" in str(error.value)) == kind.startswith(
        ("hugging", "project", "version", "another", "unknown", "mark_of", "config_alone")
    )
    assert ("cannot be read" in str(error.value)) == kind.startswith(("list", "cut", "empty", "config_folder"))
    assert contents(tmp_path) == before


@pytest.mark.parametrize(
    ("program", "files"),
    [
        ("eval.defenses", ["nets/pgd.keras", "nets/pgd.json"]),
        ("eval.table1", ["attacks/cw_l2/metrics.json"]),
        ("eval.interpretability", ["attacks/cw_l2/metrics.json"]),
    ],
)
def test_networks_and_runs_can_be_placed_in_a_study_before_its_first_run(program, files, tmp_path):
    placed = dict.fromkeys(files, "mine")
    lay(tmp_path / "study", placed)
    refused = "to be new, empty or a run of these programs"
    with pytest.raises(InputError, match=refused):
        take(tmp_path / "study", {"a": 1})
    for configuration in ({"a": 1}, {"a": 2}):
        take(tmp_path / "study", configuration, overwrite=True, program=program)()
        assert placed.items() <= {name: text.decode() for name, text in contents(tmp_path / "study").items()}.items()
    lay(tmp_path / "other", {**placed, "notes.txt": "mine"})
    with pytest.raises(InputError, match=refused):
        take(tmp_path / "other", {"a": 1}, program=program)
    (tmp_path / "linked").mkdir()
    folder = files[0].partition("/")[0]
    (tmp_path / "linked" / folder).symlink_to(tmp_path / "study" / folder)
    with pytest.raises(InputError, match=refused):
        take(tmp_path / "linked", {"a": 1}, program=program)


def test_a_link_in_the_place_of_a_lock_is_refused_and_what_it_leads_to_is_kept(tmp_path):
    (tmp_path / "victim").write_text("precious")
    take(tmp_path / "run", {"a": 1})()
    (tmp_path / "run" / "lock").unlink()
    (tmp_path / "run" / "lock").symlink_to(tmp_path / "victim")
    with pytest.raises(InputError, match="expected --output_dir to be a directory to write in"):
        take(tmp_path / "run", {"a": 1})
    assert (tmp_path / "victim").read_text() == "precious"


def flipped(content):
    return content[:40] + bytes([content[40] ^ 1]) + content[41:]


DAMAGES = {
    "it is missing": lambda path, other: path.unlink(),
    "it is not as it was written": lambda path, other: path.write_bytes(flipped(path.read_bytes())),
    "it is not as it was written ": lambda path, other: path.write_bytes(path.read_bytes()[:30]),
    "it is not as it was written  ": lambda path, other: path.write_bytes(b""),
    "it is of another run": lambda path, other: path.write_bytes(other.read_bytes()),
}


@pytest.mark.parametrize("reason", DAMAGES)
def test_a_configuration_that_is_lost_or_damaged_is_written_again(reason, tmp_path, notes):
    for value in (1, 2):
        take(tmp_path / str(value), {"a": value})()
    path, other = (tmp_path / name / "config.json" for name in ("1", "2"))
    whole = path.read_bytes()
    DAMAGES[reason](path, other)
    if reason != "it is of another run":  # which could be meant
        with pytest.raises(InputError, match=r"differs in a \(1 there, 3 here\)"):
            take(tmp_path / "1", {"a": 3})
    take(tmp_path / "1", {"a": 1})()
    assert notes() == [f"{path}: {reason.strip()}; written again"]
    assert path.read_bytes() == whole
    take(tmp_path / "1", {"a": 1})()
    assert notes() == []


def test_a_file_of_others_in_the_place_of_the_configuration_is_theirs(tmp_path):
    """The lock of a run that has gone does not make a model's directory one of ours."""
    take(tmp_path, {"a": 1})()
    (tmp_path / "config.json").write_text('{"architectures": ["BertModel"]}')
    before = contents(tmp_path)
    for overwrite in (False, True):
        with pytest.raises(InputError, match="to be new, empty or a run of these programs"):
            take(tmp_path, {"a": 1}, overwrite=overwrite)
    assert contents(tmp_path) == before


@pytest.mark.parametrize("kind", ["folder", "link"])
def test_what_is_in_the_way_of_the_configuration_is_named_and_can_be_moved(kind, tmp_path):
    take(tmp_path, {"a": 1})()
    path = tmp_path / "config.json"
    whole = path.read_bytes()
    path.unlink()
    path.mkdir() if kind == "folder" else path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(InputError, match=r"in the place of what eval.attack writes, received .*config.json: move it"):
        take(tmp_path, {"a": 1})
    path.rename(tmp_path / "moved")
    take(tmp_path, {"a": 1})()
    assert path.read_bytes() == whole


def test_parts_share_a_directory_and_the_whole_does_not(tmp_path):
    def part(name):
        return claim(
            tmp_path / "run", {"a": 1}, program="eval.generate", flag="--output_dir", overwrite=False, part=name
        )

    first, second = part("0-of-2"), part("1-of-2")
    for refused in (lambda: part("0-of-2"), lambda: take(tmp_path / "run", {"a": 1}, program="eval.generate")):
        with pytest.raises(InputError, match="another process is at work"):
            refused()
    first()
    second()
    take(tmp_path / "run", {"a": 1}, program="eval.generate")
