"""The section structured of the benchmark: budgets, optimality, and an envelope that nobody can falsify."""

import numpy as np
import pytest

import tf_strattack as sa
from eval.benchmarks.figure import draw_benchmark
from eval.benchmarks.structured.budgets import spending, unlimited
from eval.benchmarks.structured.examples import MEASURES
from eval.benchmarks.structured.kept import Kept
from eval.benchmarks.structured.optimality import optimality
from eval.benchmarks.structured.section import COLUMNS, measure_structured
from eval.benchmarks.tables import section_table
from eval.inputs.attacks import ATTACKS, make_attack
from eval.report.svg import to_svg


def test_optimality_is_the_share_of_the_area_between_nothing_and_the_best():
    best = np.array([1.0, 2.0, 3.0, 4.0])
    assert optimality(best, best) == 1.0
    assert optimality(np.full(4, np.inf), best) == 0.0
    assert optimality(np.full(90, 9.0), np.linspace(0.1, 0.7, 90)) == 0.0  # not -1e-16
    measured = np.array([2.0, 2.0, np.inf, 9.0])
    changes = np.linspace(0, 4, 400001)
    areas = [np.mean([(changes < value).mean() * 4 for value in values]) for values in (measured, best)]
    assert optimality(measured, best) == pytest.approx((4 - areas[0]) / (4 - areas[1]), abs=1e-4)
    assert optimality(np.array([5.0, 7.0]), np.array([5.0, 5.0])) is None
    assert optimality(np.array([]), np.array([])) is None


@pytest.mark.parametrize("name", ATTACKS)
def test_an_attack_spends_about_what_it_is_given(name):
    attack = spending(unlimited(make_attack(name, [])), 90)
    if attack is None:
        assert name.startswith(("fgm", "ifgm"))
    elif not name.startswith("pgd"):
        assert attack.epsilon is None
    if isinstance(attack, sa.StrAttack):
        assert 88 <= attack.iterations() <= 92
    elif attack is not None:
        assert (
            81
            <= sum(attack.hyper_parameters.get(part, 0) for part in ("max_iterations", "steps"))
            * getattr(attack, "search_steps", 1)
            <= 90
        )


def test_the_refinement_keeps_its_share_of_the_evaluations():
    half, whole = spending(sa.StrAttack(), 79), spending(sa.StrAttack(), 158)
    assert (half.solver.max_iterations, half.refine.solver.max_iterations) == (55, 24)
    assert (whole.solver.max_iterations, whole.refine.solver.max_iterations) == (110, 48)


def test_rows_have_the_medians_and_the_optimality_of_every_attack(net, tmp_path):
    attacks = {"fgm_l2": sa.FGM(norm="l2"), "sigma_zero": sa.SigmaZero()}
    peers = {"some": np.concatenate([net.images[:2], net.images[2:] * np.nan])}
    rows = measure_structured([net._replace(peers=peers)], attacks, [20, 40], 4, tmp_path / "envelope.npz", Kept())
    assert [row["attack"] for row in rows] == ["fgm_l2", "sigma_zero", "sigma_zero", "some"]
    assert [row["num_examples"] for row in rows] == [4, 4, 4, 2]
    fgm, *_, most, peer = rows
    assert most["asr"] == 1.0
    assert most["optimality_acp"] > 0.8
    assert fgm["gradient_evaluations_per_example"] == 1.0
    assert peer["asr"] == 0.0 and peer["median_l2"] is None and peer["gradient_evaluations_per_example"] is None
    result = sa.SigmaZero(epsilon=None, max_iterations=40)(net.classifier, net.images, net.labels, net.targets)
    assert most["median_l2"] == pytest.approx(np.median(sa.metrics.l2(result.delta)), rel=1e-3)
    assert section_table("structured", rows, COLUMNS).text().count("\n") == 5
    assert draw_benchmark(tmp_path / "figure.png", {"structured": rows})
    assert (tmp_path / "figure.png").stat().st_size > 0


def test_measures_are_those_of_the_library_in_unit_scale(net, examples, fine):
    values = examples.measure(fine.places, fine.adversarial)
    delta = fine.adversarial - net.images
    assert tuple(values) == MEASURES
    np.testing.assert_array_equal(values["acp"], sa.metrics.acp(delta))
    np.testing.assert_allclose(values["l2"], sa.metrics.l2(delta), rtol=1e-6)
    norms = np.sqrt((delta.reshape(-1, 3, 2, 3, 2, 1) ** 2).sum(axis=(2, 4, 5))).sum(axis=(1, 2))
    np.testing.assert_allclose(values["objective"], sa.metrics.l2(delta) ** 2 + 0.65 * norms, rtol=1e-4)


@pytest.mark.filterwarnings("error::UserWarning")
def test_examples_that_need_no_change_are_drawn(net, tmp_path):
    fooled = net._replace(labels=net.targets, targets=net.labels)
    rows = measure_structured([fooled], {"fgm_l2": sa.FGM(norm="l2")}, [20], 4, None, Kept())
    assert rows[0]["median_acp"] == rows[0]["median_l2"] == 0
    assert to_svg(draw_benchmark(tmp_path / "figure.png", {"structured": rows}), "b")
