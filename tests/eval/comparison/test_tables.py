"""The tables of a comparison: with and without accuracies, intervals and rows of the paper."""

import csv
import json

import pytest

from eval.studies.comparison.figure import comparison_chart
from eval.studies.comparison.rows import Comparison
from eval.studies.comparison.tables import read_row, write_tables
from eval.tables.measures import MEASURES
from tests.directories import study_of
from tests.programs import ROOT


def metrics_of(attack, value, dataset="mnist"):
    names = (*MEASURES, "acp", "anc", "d20", "nonzero_groups")
    reached = {"asr": 1.0, "num_successes": 4, "num_examples": 4, **dict.fromkeys(names[1:], value)}
    failed = {"asr": 0.0, "num_successes": 0, "num_examples": 4, **dict.fromkeys(names[1:])}
    return {
        "attack": attack,
        "attack_parameters": {"tau": 0.65},
        "model_sha256": "0",
        "dataset": dataset,
        "targets": "all",
        "num_images": 4,
        "num_examples": 36,
        "skipped_misclassified": 0,
        "clean_accuracy": None,
        "robust_accuracy": None,
        "command": f"python -m eval.attack {attack}",
        "gradient_evaluations_per_example": 10.0,
        "forward_evaluations_per_example": 2.0,
        "seconds_per_example": 0.5,
        "best": reached,
        "average": reached,
        "worst": failed,
        "all": reached,
        "versions": {},
        "finished_at": "now",
    }


def test_tables_show_the_paper_beneath_ratios_to_cw_the_front_and_the_claims(tmp_path):
    comparison = Comparison(tmp_path, (), {})
    chosen = [comparison.row("cw_l2"), comparison.row("strattack"), comparison.row("admm_l1"), comparison.at_tau(2.0)]
    for row, value in zip(chosen, (8.0, 2.0, 1.0, 4.0), strict=True):
        row.run.mkdir(parents=True)
        (row.run / "metrics.json").write_text(json.dumps(metrics_of(row.attack, value)))
    figures = {"model": "net", "dataset": "mnist", "targets": "all"}
    measured = {
        "thresholded": {"share": 0.25, "num_examples": 36},
        "sparse_success": {"restricted": 0.5, "retrained": 0.75, "num_examples": 36},
        "refined_cw_l2": {"num_examples": 0, "before": dict.fromkeys(MEASURES), "after": dict.fromkeys(MEASURES)},
    }
    text = write_tables(study_of(tmp_path, figures, [read_row(row) for row in chosen], measured))
    assert text == (tmp_path / "table1.md").read_text()
    for shown in (
        "# Attacks on net, mnist: 4 images, 36 examples",
        "| cw_l2 | 100.0 % | 8.0 | 8.0 | 8.000 | 8.000 | 100.0 % | 8.0 | 8.0 | 8.000 | 8.000 | 0.0 % | - | - | - | - |",
        "| the paper | 100.0 % | 73.2 | 10.9 | 1.51 | 0.384 |",
        "| strattack | 0.25 × | 0.25 × | 0.25 × | 0.25 × |\n| the paper | 0.24 × | 0.85 × | 1.14 × | 0.89 × |",
        "| admm_l1 | 1.0 | 1.0 | 1.0 | 1.0 | 10 | 2 | 0.500 |",
        "| 0.65 | 100.0 % | 2.0 |",
        "| 2 | 100.0 % | 4.0 | 4.0 | 4.000 | 4.000 | 0.50 × |",
        "still succeeds | 25.0 % | 36 | 6.7 % |",
        "| 75.0 % | 36 | 73 % |",
        "| cw_l2 | 0 | - | - |",
        "- strattack_tau_2: `python -m eval.attack strattack`",
    ):
        assert shown in text, shown
    assert (tmp_path / "table1.png").stat().st_size > 10_000
    with (tmp_path / "table1.csv").open() as file:
        lines = list(csv.DictReader(file))
    assert len(lines) == 4 * 4
    assert lines[0]["paper_l0"] == "479.8"
    assert [line["tau"] for line in lines if line["row"] == "strattack_tau_2"] == ["2.0"] * 4
    chart = comparison_chart([read_row(row) for row in chosen])
    assert chart.legend == ["cw_l2", "strattack", "admm_l1"]
    assert chart.note == (
        "Filled: here; line: StrAttack over τ; open: the paper, on its networks. Lower left is better."
    )
    assert "strattack ℓ0 2, ℓ2 2; admm_l1 ℓ0 1, ℓ2 1" in chart.alt
    for panel in chart.panels:
        assert "τ 0.65" in panel
        assert "τ 2" in panel
        # Each attack has the colour that it has in every other chart of the page.
        assert all(f"var(--series-{number})" in panel for number in range(3))


def test_robust_accuracy_is_a_column_and_clean_accuracy_a_line(tmp_path):
    comparison = Comparison(tmp_path, (), {})
    rows = [comparison.row(name) for name in ("cw_l2", "strattack", "admm_l1")]
    accuracies = [{"clean_accuracy": 0.8, "robust_accuracy": 0.2}, {"clean_accuracy": 0.8, "robust_accuracy": 0.0}]
    accuracies.append(dict.fromkeys(accuracies[0]))  # an untrained network has none
    for row, recorded in zip(rows, accuracies, strict=True):
        row.run.mkdir(parents=True)
        metrics = {**metrics_of(row.attack, 1.0, "fruit"), "skipped_misclassified": 1, **recorded}
        (row.run / "metrics.json").write_text(json.dumps(metrics))
    figures = {"model": "net", "dataset": "fruit", "targets": "all"}
    text = write_tables(study_of(tmp_path, figures, [read_row(row) for row in rows]))
    for shown in (
        "Clean accuracy is 80.0 %: 4 of 5 images classified correctly; only these are attacked. Robust accuracy is",
        "| attack | robust accuracy | best ASR |",
        "| cw_l2 | 20.0 % | 100.0 % |",
        "| strattack | 0.0 % | 100.0 % |",
        "| admm_l1 | - | 100.0 % |",
    ):
        assert shown in text, shown
    with (tmp_path / "table1.csv").open() as file:
        lines = {line["row"]: line for line in csv.DictReader(file)}
    assert (lines["cw_l2"]["clean_accuracy"], lines["cw_l2"]["robust_accuracy"]) == ("0.8", "0.2")
    assert lines["admm_l1"]["robust_accuracy"] == ""


@pytest.mark.parametrize("name", ["table1_mnist", "table1_cifar10", "table1_imagenet"])
def test_tables_of_earlier_versions_are_written_as_they_were(tmp_path, name):
    """They have no accuracies."""
    committed = ROOT / "results" / name
    written = json.loads((committed / "table1.json").read_text())
    facts = {name: value for name, value in written.items() if name not in ("rows", "claims")}
    text = write_tables(study_of(tmp_path, facts, written["rows"], written["claims"]))
    assert text == (committed / "table1.md").read_text()


def test_the_paper_is_not_compared_with_other_data_or_targets(tmp_path):
    row = Comparison(tmp_path, (), {}).row("strattack")
    row.run.mkdir(parents=True)
    for change, there in (
        ({}, True),
        ({"dataset": "sample"}, True),
        ({"dataset": "fruit"}, False),
        ({"targets": "untargeted"}, False),
    ):
        (row.run / "metrics.json").write_text(json.dumps({**metrics_of("strattack", 1.0), **change}))
        assert (read_row(row)["paper"] is not None) == there


def test_a_ratio_is_shown_with_its_interval(tmp_path):
    comparison = Comparison(tmp_path, (), {})
    chosen = [comparison.row("cw_l2"), comparison.row("strattack")]
    for row, value in zip(chosen, (8.0, 2.0), strict=True):
        row.run.mkdir(parents=True)
        (row.run / "metrics.json").write_text(json.dumps(metrics_of(row.attack, value)))
    figures = {"model": "net", "dataset": "mnist", "targets": "all"}
    measured = {"ratio_strattack": {"l0": [0.2, 0.3], "l1": None, "l2": [0.21, 0.29], "linf": [0.25, 0.25]}}
    text = write_tables(study_of(tmp_path, figures, [read_row(row) for row in chosen], measured))
    assert "| strattack | 0.25 × (0.20 to 0.30) | 0.25 × | 0.25 × (0.21 to 0.29) | 0.25 × (0.25 to 0.25) |" in text
    assert "bootstrap" in text
    none = {"ratio_strattack": dict.fromkeys(["l0", "l1", "l2", "linf"])}
    assert "bootstrap" not in write_tables(study_of(tmp_path, figures, [read_row(row) for row in chosen], none))
