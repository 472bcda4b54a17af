"""The comparison's parts: claims against loops, rows and their commands, tables with and without figures."""

import csv
import dataclasses
import itertools
import json
import types

import numpy as np
import pytest
import tensorflow as tf
from matplotlib.text import Text

import tf_strattack as sa
from eval.inputs.examples import image_ids
from eval.studies.comparison import claims
from eval.studies.comparison.figure import comparison_chart, comparison_figure
from eval.studies.comparison.intervals import ratio_intervals
from eval.studies.comparison.names import DEFAULT
from eval.studies.comparison.rows import Comparison, check_attacks, check_parameters
from eval.studies.comparison.tables import read_row, write_tables
from eval.studies.paper import TABLE_1
from eval.tables.measures import CASES, MEASURES
from tests.directories import study_of
from tests.programs import ROOT


@pytest.fixture(scope="module")
def results(exact):
    """A dense and a sparse result of the same examples, and the classifier."""
    classifier, images, labels, targets = exact
    dense = sa.IFGM(norm="l2", grid_ratio=1.05)(classifier, images, labels, targets)
    sparse = sa.StrAttack()(classifier, images, labels, targets)
    return dense, sparse, classifier


def succeeds(classifier, result, row, delta):
    image = np.clip(result.images[row] + delta, 0, 1)[None].astype(np.float32)
    return classifier.predict(image)[0].argmax() == result.targets[row]


def test_thresholding_keeps_the_largest_changes_and_counts_who_succeeds(results):
    dense, sparse, classifier = results
    held = []
    for row in np.flatnonzero(dense.success & sparse.success):
        number = int(sa.metrics.l0(sparse.delta[row : row + 1])[0])
        flat = dense.delta[row].ravel().copy()
        flat[np.argsort(-np.abs(flat))[number:]] = 0.0
        held.append(succeeds(classifier, dense, row, flat.reshape(dense.delta[row].shape)))
    found = claims.thresholded([dense], [sparse], classifier)
    assert found == {"share": pytest.approx(np.mean(held)), "num_examples": len(held)}
    assert 0.0 < found["share"] < 1.0


def test_runs_of_different_examples_are_not_compared(results):
    dense, sparse, classifier = results
    names = np.array([f"image_{row}" for row in range(len(dense))])
    one, other = dataclasses.replace(dense, example_ids=names), dataclasses.replace(sparse, example_ids=names[::-1])
    with pytest.raises(ValueError, match="different examples"):
        claims.thresholded([one], [other], classifier)


def test_the_sparse_pattern_is_tested_as_it_is_and_after_retraining(results):
    dense, _, classifier = results
    found = claims.sparse_success([dense], classifier)
    rows = np.flatnonzero(dense.success)
    restricted = []
    for row in rows:
        delta = dense.delta[row]
        sigma = np.sort(np.abs(delta[np.abs(delta) > 1e-6]))
        sigma = sigma[int(np.floor(0.03 * (len(sigma) - 1)))]
        restricted.append(succeeds(classifier, dense, row, np.where(np.abs(delta) < sigma - 1e-6, 0.0, delta)))
    assert found["restricted"] == pytest.approx(np.mean(restricted))
    assert found["restricted"] <= found["retrained"] <= 1.0
    assert found["num_examples"] == len(rows)


def test_a_claim_that_is_interrupted_is_no_figure(results, monkeypatch):
    dense, _, classifier = results

    def interrupted(*_, **__):
        return dataclasses.replace(dense, interrupted=True)

    monkeypatch.setattr(sa.Refinement, "__call__", interrupted)
    for claim in (claims.refinement, claims.sparse_success):
        with pytest.raises(KeyboardInterrupt):
            claim([dense], classifier)


def test_refinement_is_measured_over_the_successes(results):
    dense, _, classifier = results
    found = claims.refinement([dense], classifier)
    assert found["num_examples"] == dense.success.sum()
    assert found["before"]["l2"] == pytest.approx(sa.metrics.l2(dense.delta[dense.success]).mean())
    assert found["after"]["l2"] < found["before"]["l2"]
    assert found["after"]["l0"] < found["before"]["l0"]


def test_rows_are_commands_of_eval_attack_with_their_own_parameters(tmp_path):
    comparison = Comparison(tmp_path, ("--seed=3",), {"cw_l2": ["search_steps=2"], "strattack": ["gamma=2"]})
    cw, front, plain = comparison.row("cw_l2"), comparison.at_tau(0.5), comparison.unrefined()
    assert cw.steps[0].arguments == (
        "--attack=cw_l2",
        "--attack_parameters=search_steps=2",
        "--seed=3",
        f"--output_dir={tmp_path}/attacks/cw_l2",
    )
    assert "--attack_parameters=gamma=2,tau=0.5" in front.steps[0].arguments
    assert "--attack_parameters=gamma=2,refine=False" in plain.steps[0].arguments
    assert cw.shown
    assert not front.shown
    assert not plain.shown
    assert len({cw.run, front.run, plain.run, comparison.row("strattack").run}) == 4


def test_mistakes_in_attacks_and_parameters_are_named():
    assert check_attacks("attacks", ["cw_l2", "fgm_l2", "cw_l2"]) == ["cw_l2", "fgm_l2"]
    for names, message in ((["cw"], "received 'cw'"), ([], "received none")):
        with pytest.raises(sa.InputError, match=message):
            check_attacks("attacks", names)
    for given in ("tau=2", "cw.tau=2"):
        with pytest.raises(sa.InputError, match=r"expected --attack_parameters=attack.name=value,"):
            check_parameters([given], 2)
    with pytest.raises(sa.InputError, match="expected a parameter of cw_l2"):
        check_parameters(["cw_l2.tau=2"], 2)
    assert check_parameters(["strattack.tau=2"], 2) == {"strattack": ["tau=2"]}


def test_the_papers_rows_are_those_of_the_default_with_every_figure():
    for dataset in ("mnist", "cifar10"):
        assert set(TABLE_1[dataset]) < set(DEFAULT)
    assert TABLE_1["mnist"]["strattack"]["average"] == {"asr": 1.0, "l0": 119.4, "l1": 18.05, "l2": 2.16, "linf": 0.47}
    assert TABLE_1["mnist"]["fgm_l2"]["worst"] == {"asr": 0.0, "l0": None, "l1": None, "l2": None, "linf": None}
    for rows in TABLE_1.values():
        for blocks in rows.values():
            assert list(blocks) == list(CASES)
            assert all(list(block) == list(MEASURES) for block in blocks.values())


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


def test_success_respects_the_scale_and_the_confidence_of_a_run():
    def brightness(images):
        total = tf.reduce_sum(images, [1, 2, 3])
        return tf.stack([total, tf.fill(tf.shape(total), 10.0)], axis=1)

    classifier = sa.Classifier.from_callable(brightness, bounds=(0, 10))
    images = np.full((1, 2, 2, 1), 2.0, np.float32)
    result = sa.StrAttack(group_size=1, confidence=1.0, epsilon=None)(classifier, images, [1], [0])
    assert result.success.all()
    assert claims.sparse_success([result], classifier)["restricted"] == 1.0
    assert claims.thresholded([result], [result], classifier) == {"share": 1.0, "num_examples": 1}
    # Less of the change still alters the class, but misses the confidence.
    less = dataclasses.replace(result, adversarial=images + np.float32(0.8) * (result.adversarial - images))
    assert classifier.predict(less.adversarial).argmax() == 0
    assert claims.thresholded([less], [result], classifier)["share"] == 0.0


def run_of(deltas, success):
    """A result of three targets per image, with a change of each size in `deltas` (N,) at one pixel."""
    number = len(deltas)
    delta = np.zeros((number, 2, 2, 1))
    delta[:, 0, 0, 0] = deltas
    names = np.array([f"image_{row // 3:03d}_to_{row % 3}" for row in range(number)])
    return types.SimpleNamespace(delta=delta, success=np.asarray(success), example_ids=names, targets=names)


def test_intervals_are_those_of_the_average_case_over_images():
    rng = np.random.default_rng(3)
    ours, theirs = rng.uniform(0.1, 0.5, 300), rng.uniform(0.5, 0.9, 300)
    success = rng.random(300) < 0.9
    one, other = run_of(ours, success), run_of(theirs, np.ones(300, bool))
    found = ratio_intervals([one], [other], seed=4)
    assert found == ratio_intervals([one], [other], seed=4)
    assert found["l0"] == [1.0, 1.0]
    blocks = [
        sa.metrics.best_average_worst({"l2": v}, s, image_ids(one), seed=4)["average"]
        for v, s in ((ours, success), (theirs, np.ones(300, bool)))
    ]
    low, high = found["l2"]
    assert low < blocks[0]["l2"] / blocks[1]["l2"] < high
    # The delta method on the independent means of two uniform distributions.
    spread = blocks[0]["l2"] / blocks[1]["l2"] * np.sqrt((0.4**2 / 12 / 0.3**2 / 0.9 + 0.4**2 / 12 / 0.7**2) / 100)
    assert high - low == pytest.approx(2 * 1.96 * spread, rel=0.3)
    fewer = ratio_intervals([run_of(ours[:75], success[:75])], [run_of(theirs[:75], np.ones(75, bool))], seed=4)
    assert fewer["l2"][1] - fewer["l2"][0] > 1.3 * (high - low)


def test_there_is_no_interval_without_successes_or_with_one_image():
    sizes, all_of_them = np.full(9, 0.5), np.ones(9, bool)
    assert ratio_intervals([run_of(sizes, ~all_of_them)], [run_of(sizes, all_of_them)], seed=0)["l2"] is None
    alone = run_of(sizes[:3], all_of_them[:3])
    assert ratio_intervals([alone], [alone], seed=0)["l2"] is None


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


def test_no_name_in_the_figure_covers_another():
    rows = json.loads((ROOT / "results" / "table1_mnist" / "table1.json").read_text())["rows"]
    figure = comparison_figure(rows)
    figure.draw_without_rendering()
    names = {row["name"] for row in rows if row["shown"]}
    for axes in figure.axes:
        texts = [text for text in axes.texts if text.get_text().split(" (")[0] in names]
        boxes = [Text.get_window_extent(text) for text in texts]  # without the line to the dot
        assert len(boxes) == len(names)
        for one, other in itertools.combinations(boxes, 2):
            assert not one.overlaps(other)
