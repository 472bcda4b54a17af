"""What results/README.md quotes of Table 1 is what the stored tables hold."""

import collections
import itertools
import json
import re

import pytest

from tests.programs import ROOT

README = (ROOT / "results" / "README.md").read_text()
HEADER = "| attack | ASR | ℓ0 | ℓ1 | ℓ2 | ℓ∞ | groups | gradients | the paper: ASR, ℓ0, ℓ1, ℓ2, ℓ∞ |\n"
# In the order of the page, each with the tables of later runs, from which the page has the attacks that it adds.
TABLES = {
    "table1_mnist": (),
    "table1_mnist_1000": (),
    "table1_cifar10": ("table1_cifar10_ead",),
    "table1_cifar10_1000": ("table1_cifar10_1000_more",),
}
STORED = [*TABLES, "table1_mnist_1000_cw", *itertools.chain(*TABLES.values())]
MEASURES = ("l0", "l1", "l2", "linf", "nonzero_groups")


def quoted(table):
    """The rows of the page for a table: the cells by the name of the attack."""
    text = README.split(HEADER)[1 + list(TABLES).index(table)].partition("\n\n")[0]
    rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines()[1:]]
    return {cells[0].split("`")[1]: cells[1:] for cells in rows}


def stored(table):
    return json.loads((ROOT / "results" / table / "table1.json").read_text())


def rows_of(table):
    return {row["name"]: row for row in stored(table)["rows"] if row["shown"]}


def assert_rounded(shown, value):
    assert shown == f"{value:.{len(shown.partition('.')[2])}f}"


@pytest.mark.parametrize("table", TABLES)
def test_the_page_quotes_the_stored_table(table):
    shown = quoted(table)
    rows = dict(collections.ChainMap(*map(rows_of, (table, *TABLES[table]))))
    assert set(shown) == set(rows)
    for name, row in rows.items():
        asr, *measures, gradients, paper = shown[name]
        assert_rounded(asr.removesuffix(" %"), 100 * row["average"]["asr"])
        assert (asr == "100 %") == (row["average"]["asr"] == 1.0)
        for measure, cell in zip(MEASURES, measures, strict=True):
            assert_rounded(cell, row["average"][measure])
        assert_rounded(gradients, row["gradient_evaluations_per_example"])
        theirs = (row["paper"] or {}).get("average")
        numbers = [] if theirs is None else [100 * theirs["asr"], *(theirs[measure] for measure in MEASURES[:4])]
        assert [float(number) for number in re.findall(r"[\d.]+", paper)] == pytest.approx(numbers)


@pytest.mark.parametrize("table", STORED)
def test_the_page_shows_the_command_of_the_stored_table(table):
    (shown,) = re.findall(rf"^    (python -m eval\.table1 .*) --output_dir=runs/{table}$", README, re.M)
    command = stored(table)["command"].split()
    assert {flag for flag in command if not flag.startswith("--output_dir=")} == set(shown.split())
