"""The rows of a study, in the order of its tables: as the commands named them, however often it is extended."""

import dataclasses
from pathlib import Path

import pytest

from eval.runs.manifest import MANIFEST
from eval.studies import study as module
from eval.studies.study import Row, Study
from tf_strattack.programs.directories.configuration import claim


@dataclasses.dataclass(frozen=True)
class Made(Row):
    """A row that needs no program."""

    def made_of(self):
        return [self.name]


def extend(directory, *names, stopped_at=None):
    """The rows of the study after a command that names `names`, or that was stopped at one of them."""

    def read(row):
        if row.name == stopped_at:
            raise KeyboardInterrupt
        return {"name": row.name}

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("sys.argv", ["program"])
        patch.setattr(module, "claim", lambda *what, **how: claim(*what, **how)())  # not locked until the process ends
        study = Study("eval.table1", directory, {"a": 1}, overwrite=False)
    try:
        list(study.make([Made(name, Path(), ()) for name in names], read))
        study.measure("ratio", [], lambda: {})
        study.seal([])
    except KeyboardInterrupt:
        pass
    return [row["name"] for row in study.rows()]


@pytest.mark.parametrize(
    ("commands", "expected"),
    [
        (["ab", "c"], "abc"),
        (["ac", "ab"], "abc"),
        (["bd", "abcde"], "abcde"),
        (["ad", "abcd"], "abcd"),
        (["ab", "ba"], "ab"),
        (["a", "cb"], "acb"),
        (["b", "ab"], "ab"),
    ],
)
def test_a_row_that_is_added_is_next_to_its_neighbour_in_the_command(tmp_path, commands, expected):
    for names in commands:
        found = extend(tmp_path / "study", *names)
    assert "".join(found) == expected
    assert extend(tmp_path / "study", *commands[0]) == found  # as a later process reads it


def test_the_order_survives_a_stop_and_a_lost_row(tmp_path):
    directory = tmp_path / "study"
    extend(directory, "a", "d")
    assert extend(directory, "a", "b", "c", "d", stopped_at="c") == ["a", "b", "d"]
    assert extend(directory, "a", "b", "c", "d") == ["a", "b", "c", "d"]
    (directory / "rows" / "b.json").unlink()
    assert extend(directory, "b") == ["a", "b", "c", "d"]


def test_without_the_manifest_rows_have_the_places_at_which_they_were_added(tmp_path):
    directory = tmp_path / "study"
    extend(directory, "b", "a", "c")
    (directory / MANIFEST).unlink()
    assert extend(directory, "b") == ["b", "a", "c"]
