"""The sections of times: calls of a network, attacks over them, and a network in bfloat16."""

import numpy as np
import pytest

from eval.benchmarks import precision
from eval.benchmarks.figure import draw_benchmark
from eval.benchmarks.floor import Floor, Time
from eval.benchmarks.overhead import measure_attacks, paired, run_record
from tests.builders import brief


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
