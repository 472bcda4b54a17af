"""One table, its values shown on the terminal, in Markdown and in CSV."""

import csv
import io

import pytest

from eval.studies.comparison.estimate import duration
from eval.tables.measures import cases_of, cell_of
from eval.tables.table import Cell, Table, plain

TABLE = Table(
    "Attacks",
    ["attack", "ASR", "l2"],
    [
        [plain("a"), cell_of("asr", 0.5), cell_of("l2", 1.23456)],
        [plain("b, c"), cell_of("asr", None), Cell("0.1 ± 0.2", 0.1)],
    ],
    "Two of them.",
)


def test_a_terminal_has_aligned_columns():
    heading, rule, first, second = TABLE.text().splitlines()
    assert heading.split() == ["attack", "ASR", "l2"]
    assert set(rule) == {"-"}
    assert first.split() == ["a", "50.0", "%", "1.235"]
    assert second.startswith("  b, c")
    assert len({len(heading), len(first), len(second)}) == 1


def test_markdown_has_a_rule_and_a_section_its_title_and_note():
    assert TABLE.markdown().splitlines()[:3] == [
        "| attack | ASR | l2 |",
        "| --- | ---: | ---: |",
        "| a | 50.0 % | 1.235 |",
    ]
    assert TABLE.section().startswith("## Attacks\n\nTwo of them.\n\n| attack |")


def test_csv_has_the_values_and_not_what_is_shown():
    rows = list(csv.reader(io.StringIO(TABLE.csv())))
    assert rows == [["attack", "ASR", "l2"], ["a", "0.5", "1.23456"], ["b, c", "", "0.1"]]


def test_numbers_are_those_columns_that_show_some():
    assert TABLE.numeric == [False, True, True]
    assert not Cell("-", None).numeric


def test_cases_are_shown_where_they_differ():
    blocks = {"all": {"num_examples": 9}, "best": {"num_examples": 1}}
    assert cases_of(blocks) == ("best", "average", "worst", "all")
    assert cases_of({"all": {"num_examples": 9}, "best": {"num_examples": 9}}) == ("all",)


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0.2, "a second"), (50, "50 seconds"), (1500, "25 minutes"), (7.2e4, "20 hours"), (3e5, "3 days")],
)
def test_a_duration_is_rough(seconds, shown):
    assert duration(seconds) == shown
