"""The matrix of a report, by label and target, and its list of failures."""

import json

import numpy as np

from eval.report.charts import charts_of
from eval.report.examples import collect
from eval.report.failures import failures_of
from eval.report.matrix import matrix_of
from tests.reports import batch
from tf_strattack import metrics


def test_the_matrix_is_means_by_attack_label_and_target():
    runs = {name: batch(60, (6, 6, 1), seed) for seed, name in enumerate(("a", "b"))}
    examples = collect({n: [b] for n, b in runs.items()}, dict.fromkeys(runs, 60))
    matrix = matrix_of(examples, {0: "zero"})
    assert matrix["labels"] == ["zero", "1", "2", "3"]
    assert matrix["targets"] == ["10", "11", "12"]
    assert len(matrix["cells"]) == 24
    for attack, label, target, number, values in matrix["cells"]:
        run = list(runs.values())[attack]
        rows = (run.labels == label) & (run.targets == 10 + target)
        assert number == rows.sum()
        assert values[0] == round(run.success[rows].mean(), 4)
        successes = run.delta[rows & run.success]
        expected = [*(getattr(metrics, name)(successes).mean() for name in ("l0", "l1", "l2", "linf"))]
        expected.append(metrics.nonzero_groups(successes, 2).mean())
        np.testing.assert_allclose(values[1:], expected, atol=1e-4)
    assert list(matrix["measures"]) == ["asr", "l0", "l1", "l2", "linf", "nonzero_groups"]


def test_many_classes_are_a_list_of_the_most_frequent_pairs():
    run = batch(3000, (2, 2, 1), 0)
    run = run._replace(labels=np.arange(3000) % 100, targets=100 + np.arange(3000) // 3 % 900)
    run.labels[:7], run.targets[:7] = 5, 7
    matrix = matrix_of(collect({"a": [run]}, {"a": 3000}), {})
    assert matrix["sparse"]
    assert len(matrix["cells"]) == 1000
    assert matrix["cells"][0][3] == 7
    pairs = len({*zip(run.labels.tolist(), run.targets.tolist(), strict=True)})
    assert matrix["left_out"] == pairs - 1000
    assert len(json.dumps(matrix)) < 200_000


def test_untargeted_examples_and_complete_failure_are_shown():
    run = batch(6, (4, 4, 1), 0)
    run = run._replace(targets=np.full(6, -1), success=np.zeros(6, bool), delta=np.zeros_like(run.delta))
    examples = collect({"a": [run]}, {"a": 6})
    matrix = matrix_of(examples, {})
    assert matrix["targets"] == ["untargeted"]
    assert all(values == [0, None, None, None, None, None] for *_, values in matrix["cells"])
    assert charts_of(examples) == []


def test_the_matrix_opens_at_a_measure_that_varies():
    run = batch(60, (6, 6, 1), 0)
    run = run._replace(success=np.arange(60) < 50)
    assert matrix_of(collect({"a": [run]}, {"a": 60}), {})["first"] == ["asr"]
    run = run._replace(success=np.ones(60, bool))
    assert matrix_of(collect({"a": [run]}, {"a": 60}), {})["first"] == ["l2"]
    same = run._replace(delta=np.full_like(run.delta, 0.1))
    assert matrix_of(collect({"a": [same]}, {"a": 60}), {})["first"] == ["asr"]


def test_failures_are_counted_by_label_and_target():
    run = batch(3000, (2, 2, 1), 0)
    run = run._replace(labels=np.arange(3000) % 7, targets=10 + np.arange(3000) % 5)
    good = batch(10, (2, 2, 1), 0)
    runs = {"good": [good._replace(success=np.ones(10, bool))], "poor": [run]}
    (found,) = failures_of(collect(runs, {"good": 10, "poor": 3000}), {4: "four"})
    assert (found.attack, found.place, found.number, found.total) == ("poor", 1, 600, 3000)
    # Every fifth fails, all of them towards 14.
    assert {pair.target for pair in found.pairs} == {"14"}
    assert len(found.pairs) + found.more == 7
    for pair in found.pairs:
        name = {"four": 4}.get(pair.label, pair.label)
        assert pair.number == (~run.success & (run.labels == int(name))).sum()
