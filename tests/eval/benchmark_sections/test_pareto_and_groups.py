"""The sections pareto and groups: attacks at several tau, within budgets of groups, next to other programs."""

import numpy as np
import pytest

import tf_strattack as sa
from eval.benchmarks import pareto
from eval.benchmarks.figure import draw_benchmark
from eval.benchmarks.groups import measure_groups
from eval.benchmarks.tables import section_table


@pytest.mark.slow
def test_the_rows_of_pareto_are_means_over_the_successes_of_each_tau(net):
    rows = pareto.measure_pareto([net], examples=3, taus=[0.65, 4])
    assert [row["setting"] for row in rows] == ["tau 0.65 (default)", "tau 4"]
    assert [(row["epsilon"], row["num_examples"]) for row in rows] == [(0.6, 3)] * 2
    result = sa.StrAttack(tau=4.0)(net.classifier, *net.examples(3))
    assert result.success.all()
    assert rows[1]["asr"] == 1.0
    assert rows[1]["gradient_evaluations_per_example"] == result.gradient_evaluations.mean()
    delta = result.delta.astype(np.float64)
    changed = np.abs(delta) > 1e-6
    assert rows[1]["l0"] == pytest.approx(changed.sum() / 3)
    assert rows[1]["l1"] == pytest.approx(np.abs(delta).sum() / 3)
    assert rows[1]["l2"] == pytest.approx(np.linalg.norm(delta.reshape(3, -1), axis=1).mean())
    groups = changed.reshape(3, 14, 2, 14, 2).any(axis=(2, 4))
    assert rows[1]["nonzero_groups"] == pytest.approx(groups.sum() / 3)
    assert rows[1]["nonzero_groups"] < rows[0]["nonzero_groups"]


@pytest.fixture
def peers(net):
    """Images for 5 examples: two digits of the target class, brighter than is valid, one failure, two not run."""
    images, _, targets = net.examples(5)
    found = np.stack([net.images[np.flatnonzero(net.labels == target)[0]] for target in targets])
    found = np.where(found == 1, 1.25, found).astype(np.float32)
    found[2], found[3:] = images[2], np.nan
    return {"some": found, "none": np.where(np.isnan(found), found, images), "later": np.full_like(found, np.nan)}


def test_peers_are_judged_on_valid_pixels_where_they_were_run(net, peers, tmp_path):
    few = net._replace(images=net.images[:5], labels=net.labels[:5], targets=net.targets[:5], peers=peers)
    (ours, some, none) = rows = pareto.measure_pareto([few], examples=None, taus=[0.65])
    assert ours["num_examples"] == 5
    assert (some["setting"], some["num_examples"], some["asr"]) == ("some", 3, pytest.approx(2 / 3))
    delta = np.clip(peers["some"][:2], 0, 1) - few.images[:2]
    assert some["l1"] == pytest.approx(np.abs(delta).sum() / 2)
    assert some["linf"] <= 1
    assert (none["num_examples"], none["asr"], none["l2"]) == (3, 0.0, None)
    assert [row["gradient_evaluations_per_example"] for row in (some, none)] == [None, None]
    assert section_table("pareto", rows, pareto.COLUMNS).text().splitlines()[-1].split() == [
        "mnist_cnn",
        "-",
        "none",
        "3",
        "0.0",
        "%",
        "-",
        "-",
        "-",
        "-",
        "-",
    ]
    draw_benchmark(tmp_path / "pareto.png", {"pareto": rows})
    draw_benchmark(tmp_path / "failures.png", {"pareto": [none]})
    assert (tmp_path / "pareto.png").stat().st_size > 10_000


@pytest.mark.slow
def test_no_more_groups_change_than_the_budget(net):
    small, large = measure_groups([net], examples=9, budgets=[8, 40])
    assert (small["max_groups"], small["num_examples"], large["max_groups"]) == (8, 9, 40)
    assert small["asr"] < large["asr"] == 1.0
    assert small["nonzero_groups"] is None or small["nonzero_groups"] <= 8
    assert large["nonzero_groups"] <= 40
