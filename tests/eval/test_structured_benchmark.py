"""The section structured of the benchmark: budgets, optimality, and an envelope that nobody can falsify."""

import dataclasses

import numpy as np
import pytest

import tf_strattack as sa
from eval.benchmarks.figure import draw_benchmark
from eval.benchmarks.nets import Net
from eval.benchmarks.structured.budgets import spending, unlimited
from eval.benchmarks.structured.envelope import Entry, Key, better, improve, read
from eval.benchmarks.structured.examples import MEASURES, Examples
from eval.benchmarks.structured.optimality import optimality
from eval.benchmarks.structured.section import COLUMNS, measure_structured
from eval.benchmarks.structured.series import Series
from eval.benchmarks.tables import section_table
from eval.inputs.attacks import ATTACKS, make_attack


@pytest.fixture(scope="module")
def net(exact):
    classifier, images, labels, targets = exact
    return Net(
        "exact", sa.shipped.model_path("mnist_cnn"), "0" * 64, 0.0, classifier, images[:4], labels[:4], targets[:4], {}
    )


@pytest.fixture
def examples(net):
    return Examples(net)


@pytest.fixture(scope="module")
def results(net):
    """What an attack without refinement finds, and with it."""
    attacks = (sa.StrAttack(epsilon=None, refine=refine) for refine in (False, True))
    found = [attack(net.classifier, net.images, net.labels, net.targets) for attack in attacks]
    assert all(result.success.all() for result in found)
    return found


def series(result):
    return Series("by hand", "by hand", None, np.arange(len(result)), result.adversarial, result.success)


@pytest.fixture
def rough(results):
    return series(results[0])


@pytest.fixture
def fine(results):
    return series(results[1])


def values_of(entries):
    return {key: entry.value for key, entry in entries.items()}


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
    rows = measure_structured([net._replace(peers=peers)], attacks, [20, 40], 4, tmp_path / "envelope.npz")
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


def test_a_run_improves_the_envelope_and_never_worsens_it(net, examples, rough, fine, tmp_path):
    path = tmp_path / "envelope.npz"
    first = improve(path, examples.entries(rough), examples.held)
    after = improve(path, examples.entries(fine), examples.held)
    again = improve(path, examples.entries(rough), examples.held)
    stored = read(path)
    expected = better(examples.entries(rough), examples.entries(fine))
    assert values_of(first) == values_of(examples.entries(rough))
    assert values_of(after) == values_of(again) == values_of(stored) == values_of(expected)
    assert values_of(first) != values_of(after)
    for key, entry in stored.items():
        assert entry.found_by == "by hand"
        np.testing.assert_array_equal(entry.adversarial, expected[key].adversarial)


@pytest.mark.parametrize("fault", ["value", "success", "bounds", "shape", "not a number"])
def test_an_entry_that_does_not_hold_counts_for_nothing_and_is_replaced(net, examples, fine, tmp_path, fault):
    path, true = tmp_path / "envelope.npz", examples.entries(fine)
    key = next(key for key in true if key.measure == "l2")
    false = {
        "value": dataclasses.replace(true[key], value=0.5 * true[key].value),
        "success": Entry(0.0, net.images[0], "nobody"),
        "bounds": Entry(0.1, true[key].adversarial - 3.0, "nobody"),
        "shape": Entry(0.1, np.zeros((2, 2, 1), np.float32), "nobody"),
        "not a number": Entry(0.1, np.full_like(net.images[0], np.nan), "nobody"),
    }[fault]
    improve(path, {**true, key: false}, lambda entries: set(entries))  # written by a program that does not verify
    assert read(path)[key].value == false.value
    best = improve(path, true, examples.held)
    assert best[key].value == true[key].value
    assert read(path)[key].value == true[key].value


def test_entries_of_other_networks_stay_as_they_are(examples, fine, tmp_path):
    path, other = tmp_path / "envelope.npz", Key("another", "image", -1, "squares", "l2")
    foreign = {other: Entry(0.5, np.ones((3, 5, 2), np.float32), "somebody")}
    improve(path, foreign, lambda entries: set(entries))
    improve(path, examples.entries(fine), examples.held)
    stored = read(path)
    assert stored[other].value == 0.5
    np.testing.assert_array_equal(stored[other].adversarial, np.ones((3, 5, 2)))
    assert stored.keys() == {other, *examples.entries(fine)}


def test_what_improves_nothing_leaves_the_file_alone(examples, fine, rough, tmp_path):
    path = tmp_path / "envelope.npz"
    improve(path, better(examples.entries(fine), examples.entries(rough)), examples.held)
    before = path.stat()
    improve(path, examples.entries(rough), examples.held)
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


@pytest.mark.parametrize("content", ["text", "other arrays", "no directory"])
def test_a_file_that_is_no_envelope_is_refused_and_kept(examples, fine, tmp_path, content):
    path = tmp_path / "envelope.npz"
    if content == "text":
        path.write_text("mine")
    elif content == "other arrays":
        np.savez(path, images=np.ones(3))
    else:
        path = tmp_path / "missing" / "envelope.npz"
    before = path.read_bytes() if path.exists() else None
    with pytest.raises(sa.InputError, match=r"expected .*envelope"):
        improve(path, examples.entries(fine), examples.held)
    assert (path.read_bytes() if path.exists() else None) == before


def test_measures_are_those_of_the_library_in_unit_scale(net, examples, fine):
    values = examples.measure(fine.places, fine.adversarial)
    delta = fine.adversarial - net.images
    assert tuple(values) == MEASURES
    np.testing.assert_array_equal(values["acp"], sa.metrics.acp(delta))
    np.testing.assert_allclose(values["l2"], sa.metrics.l2(delta), rtol=1e-6)
    norms = np.sqrt((delta.reshape(-1, 3, 2, 3, 2, 1) ** 2).sum(axis=(2, 4, 5))).sum(axis=(1, 2))
    np.testing.assert_allclose(values["objective"], sa.metrics.l2(delta) ** 2 + 0.65 * norms, rtol=1e-4)
