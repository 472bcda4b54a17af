"""Each section by itself: its arithmetic against an independent one."""

import json
import subprocess
import sys

import numpy as np
import pytest
import tensorflow as tf
from absl import flags
from absl.testing import flagsaver

import tf_strattack as sa
from eval.benchmarks import curves, launcher, pareto, precision
from eval.benchmarks.figure import draw_benchmark
from eval.benchmarks.floor import Floor, Time, measure_floors
from eval.benchmarks.foolbox_peer import measure_foolbox
from eval.benchmarks.groups import measure_groups
from eval.benchmarks.memory import DISJOINT, OVERLAPPING, increases
from eval.benchmarks.net_from_flags import load_net_from_flags
from eval.benchmarks.nets import available, load_net, load_nets
from eval.benchmarks.overhead import measure_attacks, paired, run_record
from eval.benchmarks.peers import COLUMNS as PEERS
from eval.benchmarks.peers import measure_peers
from eval.benchmarks.scaling import write_digits
from eval.benchmarks.tables import section_table
from eval.inputs.datasets import read_dataset
from tests.builders import brief
from tf_strattack.problem.batch import Batch
from tf_strattack.problem.goals.misclassify import Misclassify


def test_the_network_of_the_model_flag_is_a_net_with_its_own_examples(tmp_path):
    images, labels, _ = sa.shipped.load_sample()
    np.savez(tmp_path / "digits.npz", images=images[:20] * 1.0, labels=labels[:20])
    with flagsaver.flagsaver():
        flags.FLAGS(["benchmark", f"--dataset={tmp_path / 'digits.npz'}", "--targets=random:3"])
        net = load_net_from_flags(7)
    assert (net.name, net.images.shape, net.targets.shape) == ("model", (7, 28, 28, 1), (7,))
    assert (net.targets != net.labels).all()
    (row,) = [row for row in measure_floors([net], [2]) if row["kind"] == "gradient"]
    assert row["net"] == "model"


@pytest.fixture(scope="module")
def net():
    return load_net("mnist_cnn", None)


class Counted:
    """An attack whose results state network calls: more of them in each run, and in the third of a new size."""

    def __init__(self):
        self._attack = brief(5, refine=False)
        self.hyper_parameters = self._attack.hyper_parameters
        self.runs = 0

    def __call__(self, *arguments, **options):
        self.runs += 1
        result = self._attack(*arguments, **options)
        calls = {("gradient", 16): 5 + self.runs, ("forward", 16): 7}
        if self.runs == 3:
            calls["forward", 17] = 1
        object.__setattr__(result, "calls", calls)
        return result


@pytest.mark.slow
def test_the_overhead_ratio_follows_from_its_parts(net, tmp_path):
    attack = Counted()
    (row,) = measure_attacks([net], {"counted": attack}, [3], repeats=3)
    assert attack.runs == 4  # one to trace
    for number, run in enumerate(row["runs"], start=2):
        counted = {(call["kind"], call["rows"]): call["number"] for call in run["calls"]}
        assert counted["gradient", 16] == 5 + number
        assert (("forward", 17) in counted) == (number == 3)
        floor = sum(call["number"] * call["milliseconds"] for call in run["calls"]) / 1000
        assert run["floor_seconds"] == pytest.approx(floor)
        assert run["overhead_ratio"] == pytest.approx(run["attack_seconds"] / floor)
    ratios = sorted(run["overhead_ratio"] for run in row["runs"])
    assert [row["overhead_min"], row["overhead_median"], row["overhead_max"]] == ratios
    assert row["seconds_per_example"] == pytest.approx(np.median([r["attack_seconds"] for r in row["runs"]]) / 3)
    draw_benchmark(tmp_path / "overhead.png", {"attacks": [row]})
    assert (tmp_path / "overhead.png").stat().st_size > 10_000


def test_a_run_of_known_times_has_a_known_ratio():
    calls = {("gradient", 16): 100, ("forward", 16): 20, ("forward", 90): 10}
    assert paired(calls) == {("gradient", 16): 80, ("pair", 16): 20, ("forward", 90): 10}
    wall = {("gradient", 16): 8.0, ("forward", 16): 5.0, ("forward", 90): 10.0, ("pair", 16): 8.0}
    record = run_record(Time(1500.0, 3000.0), calls, {call: Time(value, 2.5 * value) for call, value in wall.items()})
    assert record["attack_seconds"] == pytest.approx(1.5)
    assert record["cpu_overhead_ratio"] == pytest.approx(3.0 / 2.5)
    assert record["floor_seconds"] == pytest.approx(1.0)
    assert record["overhead_ratio"] == pytest.approx(1.5)
    assert record["paired_floor_seconds"] == pytest.approx(0.64 + 0.16 + 0.1)
    assert record["paired_overhead_ratio"] == pytest.approx(1.5 / 0.9)


def test_more_rows_and_gradients_take_longer(net):
    floor = Floor(net)
    small, large = (floor.time("forward", rows, 5).wall for rows in (1, 90))
    assert 0 < small < large
    assert floor.time("gradient", 90, 5).wall > large


@pytest.mark.slow
def test_the_objective_of_a_curve_is_that_of_the_paper(net):
    rows = curves.measure_curves([net], examples=3, evaluations=[1, 40])
    assert [(row["series"], row["evaluations"]) for row in rows] == [
        ("prox_linear", 1),
        ("prox_linear", 40),
        ("paper", 1),
        ("paper", 40),
        ("default", None),
    ]
    assert (rows[0]["asr"], rows[0]["objective"], rows[0]["l0"]) == (0.0, None, None)
    attack = curves.limited("prox_linear", 40)
    result = attack(net.classifier, *net.examples(3), batch_size=3)
    delta = result.delta[result.success].astype(np.float64)
    groups = np.sqrt(np.square(delta).reshape(-1, 14, 2, 14, 2).sum(axis=(2, 4)))
    expected = attack.gamma * np.square(delta).sum(axis=(1, 2, 3)) + attack.tau * groups.sum(axis=(1, 2))
    assert rows[1]["objective"] == pytest.approx(expected.mean(), rel=1e-4)
    assert rows[1]["asr"] == result.success.mean() > 0
    assert rows[1]["gradient_evaluations_per_example"] == result.gradient_evaluations.mean()


@pytest.mark.parametrize("solver", curves.SOLVERS)
def test_a_budget_of_gradient_evaluations_is_kept(net, solver):
    result = curves.limited(solver, 12)(net.classifier, *net.examples(2))
    # One more may be spent on the originals, and as many again by ADMM where "prox_linear" finds nothing.
    found = result.forward_evaluations <= 2 if solver == "prox_linear" else np.ones(2, bool)
    assert (result.gradient_evaluations >= 12).all()
    assert (result.gradient_evaluations <= np.where(found, 13, 25)).all()


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


def test_what_a_peer_returned_is_judged_before_and_after_it_is_made_valid(net):
    images, labels, targets = net.examples(3)
    # Black pixels that go below 0, against the margin's gradient: nothing is left of that on valid pixels.
    goal = Misclassify(net.classifier, targeted=True)
    batch = Batch.build(net.classifier.bounds, images, targets, np.ones((1, 1, 1, 1), np.float32), epsilon=None)
    delta = tf.zeros_like(images)
    for _ in range(40):
        _, gradient = goal.margin_and_gradient(batch, delta)
        delta = tf.clip_by_value(delta - 0.1 * tf.sign(gradient), -2.0, 0.0) * (images == 0)
    below = images + delta.numpy()
    assert (net.classifier.logits(below).numpy().argmax(axis=1) == targets).any()
    found = np.concatenate([below[:2], np.full_like(images[:1], np.nan)])
    few = net._replace(images=images, labels=labels, targets=targets, peers={"some": found, "later": found * np.nan})
    ours, stored, some = measure_peers([few, net])
    assert (ours["setting"], ours["num_examples"], ours["num_outside"], ours["farthest"]) == ("strattack", 3, 0, 0.0)
    assert ours["asr_as_returned"] == ours["asr"] == 1.0
    assert (stored["setting"], stored["asr"], stored["asr_rounded"]) == ("strattack, quantize", 1.0, 1.0)
    assert (some["net"], some["setting"], some["num_examples"], some["num_outside"]) == (net.name, "some", 2, 2)
    assert some["farthest"] == -below[:2].min()
    reached = net.classifier.logits(below[:2]).numpy().argmax(axis=1) == targets[:2]
    assert some["asr_as_returned"] == reached.mean() > 0
    assert (some["asr"], some["asr_rounded"]) == (0.0, 0.0)
    assert section_table("peers", [some], PEERS).text().splitlines()[-1].count("%") == 3


def test_what_a_peer_returned_is_judged_in_8_bits(net):
    images, labels, targets = net.examples(2)
    result = sa.StrAttack()(net.classifier, images, labels, targets)
    stored = sa.quantize(net.classifier, images, result.adversarial, labels, targets)
    assert stored.success.all()
    # Close enough to be rounded to images that fool the network; these themselves need not.
    near = np.clip(stored.adversarial + np.float32(0.4 / 255), 0, 1)
    few = net._replace(images=images, labels=labels, targets=targets, peers={"near": near, "none": images})
    *_, rounded, none = measure_peers([few])
    assert (rounded["asr_rounded"], none["asr_rounded"]) == (1.0, 0.0)


@pytest.mark.slow
def test_no_more_groups_change_than_the_budget(net):
    small, large = measure_groups([net], examples=9, budgets=[8, 40])
    assert (small["max_groups"], small["num_examples"], large["max_groups"]) == (8, 9, 40)
    assert small["asr"] < large["asr"] == 1.0
    assert small["nonzero_groups"] is None or small["nonzero_groups"] <= 8
    assert large["nonzero_groups"] <= 40


def test_increases_of_memory_and_their_ratios():
    totals = {(DISJOINT, 16): 110.0, (OVERLAPPING, 16): 115.0, (DISJOINT, 90): 150.0, (OVERLAPPING, 90): 170.0}
    rows = {(row["groups"], row["batch_size"]): row for row in increases("net", 100.0, totals)}
    assert rows[DISJOINT, 90]["over_loaded_mib"] == 50
    assert rows[DISJOINT, 90]["over_smallest_mib"] == 40
    assert rows[DISJOINT, 90]["ratio_of_totals"] is None
    overlapping = rows[OVERLAPPING, 90]
    assert overlapping["ratio_of_totals"] == pytest.approx(170 / 150)
    assert overlapping["ratio_over_loaded"] == pytest.approx(70 / 50)
    assert overlapping["ratio_over_smallest"] == pytest.approx(60 / 40)
    assert rows[OVERLAPPING, 16]["ratio_over_smallest"] is None  # nothing over itself


def test_the_peak_of_a_child_is_its_own(tmp_path):
    ballast = np.ones(2**26, np.uint8)  # in this process, which has also loaded TensorFlow
    peaks = []
    for code in ("pass", "x = b'1' * 2**27"):
        figures = tmp_path / f"{len(peaks)}.json"
        command = [sys.executable, "-S", launcher.__file__, str(figures), sys.executable, "-S", "-c", code]
        subprocess.run(command, check=True)
        peaks.append(json.loads(figures.read_text())["peak_bytes"])
    assert peaks[0] < len(ballast) < 2**27 < peaks[1] < 2**28
    failing = [sys.executable, "-S", launcher.__file__, str(tmp_path / "new"), sys.executable, "-c", "exit(3)"]
    assert subprocess.run(failing).returncode == 3
    again = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (again.returncode, again.stderr) == (
        2,
        f"error: expected a new file, received {figures}, which exists: choose another\n",
    )
    assert json.loads(figures.read_text())["peak_bytes"] == peaks[1]


def test_the_digits_of_the_scaling_section_are_a_data_set(tmp_path):
    size = write_digits(tmp_path / "a.npz", 1001, seed=1)
    write_digits(tmp_path / "b.npz", 1001, seed=1)
    assert size == 1001 * 28 * 28
    records = list(read_dataset(str(tmp_path / "a.npz"), data_dir=None, split="test", download=False).records)
    images, labels, _ = sa.shipped.load_sample()
    assert len(records) == 1001
    assert records[1000].label == labels[0]
    repeated = np.stack([records[0].image, records[500].image, records[1000].image])
    assert 0 < np.abs(repeated - images[0]).max() <= 4.5 / 255
    assert (repeated[0] != repeated[1]).any()
    with np.load(tmp_path / "a.npz") as a, np.load(tmp_path / "b.npz") as b:
        np.testing.assert_array_equal(a["images"], b["images"])


def test_examples_of_a_net_fill_any_batch(net):
    assert available(None) == ["mnist_cnn"]
    assert len(net.images) == 450
    images, labels, targets = net.examples(460)
    np.testing.assert_array_equal(images[450:], images[:10])
    assert (labels != targets).all()
    assert sorted([*targets[:9], labels[0]]) == list(range(10))
    np.testing.assert_array_equal(net.classifier.predict(images).argmax(axis=1), labels)


def test_nets_of_a_directory_classify_their_examples(shared_networks):
    cases = shared_networks / "cases"
    for net in load_nets([name for name in available(cases) if name.endswith("_cases")], cases):
        images, labels, targets = net.examples(9)
        np.testing.assert_array_equal(net.classifier.predict(images).argmax(axis=1), labels)
        assert (labels != targets).all()
        assert {"authors", "carlini"} <= net.peers.keys()
        assert all(peer.shape == net.images.shape for peer in net.peers.values())


def test_the_images_of_a_peer_have_the_shape_of_the_originals(tmp_path):
    images, targets = np.zeros((2, 4, 4, 1), np.float32), np.ones(2, int)
    np.savez(tmp_path / "mnist_cases.npz", images=images, labels=0 * targets, targets=targets, adv_peer=images[:1])
    with pytest.raises(sa.InputError) as error:
        load_net("mnist_cases", tmp_path)
    path = tmp_path / "mnist_cases.npz"
    assert str(error.value) == f"expected adv_peer of {path} to have the shape (2, 4, 4, 1), received (1, 4, 4, 1)"


def test_bfloat16_is_measured_on_the_same_network_and_bears_its_direction(net, monkeypatch):
    monkeypatch.setattr(precision, "_TURNS", 1)
    (row,) = precision.measure_precision([net], [2])
    assert row["joint_ratio"] == row["bfloat16"] / row["float32"]
    assert row["apart_ratio"] == pytest.approx(row["joint_ratio"] + row["float32_forward"] / row["float32"])
    # Rounded to 8 bits, the gradient differs, but points the same way.
    assert 0.9 < row["least_cosine"] < 0.99999
    images, _, _ = net.examples(9)
    half = precision.in_bfloat16(net).classifier.predict(images)
    whole = net.classifier.predict(images)
    assert half.dtype == np.float32
    assert not np.array_equal(half, whole)
    np.testing.assert_allclose(half, whole, atol=0.05 * np.abs(whole).max())


def test_sections_that_are_tables_alone_leave_no_figure(tmp_path):
    draw_benchmark(tmp_path / "benchmark.png", {"precision": [{"net": "a"}]})
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_c_and_w_and_ead_are_no_farther_than_foolbox_and_faster(net):
    pytest.importorskip("foolbox")
    rows = {(row["attack"], row["whose"]): row for row in measure_foolbox([net], examples=9, iterations=200)}
    for attack, measure, share in (("cw_l2", "l2", 0.35), ("ead_en", "l1", 0.5)):
        ours, theirs = rows[attack, "ours"], rows[attack, "foolbox"]
        assert ours["asr"] == theirs["asr"] == 1.0
        assert ours[measure] <= 1.02 * theirs[measure]
        assert ours["time_ratio"] <= share


def test_the_section_foolbox_says_what_it_needs(net, monkeypatch):
    monkeypatch.setitem(sys.modules, "foolbox", None)
    with pytest.raises(sa.InputError, match="expected Foolbox for the section foolbox, received none: pip install"):
        measure_foolbox([net], examples=1, iterations=1)
