"""The overhead of an attack over the bare network calls that it makes.

The overhead ratio is the time of an attack divided by the time that the bare network takes for the same calls.
Both are measured in turns, so that other load on the machine affects both.

An attack that tests its candidate while it computes the next gradient lets two calls overlap, so its ratio can be
below 1. The paired ratio is stricter: it counts as many calls as possible as pairs that overlap in the same way.

The ratio of processor times does not depend on overlap, and hardly on other load; if the network runs on another
device, it only shows the work that the host adds.
"""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

from tqdm import tqdm

from tf_strattack import Attack, AttackResult
from tf_strattack.programs.interrupts import complete

from .floor import PAIR, Floor, Time, timed
from .nets import Net

COLUMNS = (
    "net",
    "attack",
    "batch_size",
    "asr",
    "seconds_per_example",
    "gradient_evaluations_per_example",
    "forward_evaluations_per_example",
    "overhead_median",
    "overhead_min",
    "overhead_max",
    "paired_overhead_median",
    "cpu_overhead_median",
)

# A floor is timed with as many calls as the attack made, within these limits: rare calls need less precision.
_MIN_CALLS, _MAX_CALLS = 3, 60

Call = tuple[str, int]  # kind and rows


def measure_attacks(
    nets: Sequence[Net], attacks: Mapping[str, Attack], batch_sizes: Sequence[int], repeats: int
) -> list[dict[str, Any]]:
    """Measures every attack on every net at every batch size, a row for each."""
    points = [(net, name, rows) for net in nets for name in attacks for rows in batch_sizes]
    floors = {net.name: Floor(net) for net in nets}
    return [
        _measure(net, name, attacks[name], rows, repeats, floors[net.name])
        for net, name, rows in tqdm(points, desc="attacks", leave=False)
    ]


def _measure(net: Net, name: str, attack: Attack, batch_size: int, repeats: int, floor: Floor) -> dict[str, Any]:
    images, labels, targets = net.examples(batch_size)

    def run() -> tuple[Time, AttackResult]:
        return timed(lambda: complete(attack(net.classifier, images, labels, targets, batch_size=batch_size)))

    _, result = run()  # traces
    known = {**result.calls, **paired(result.calls)}
    before = _floors(floor, known)
    runs = []
    for _ in range(repeats):
        time, result = run()
        known |= {**result.calls, **paired(result.calls)}
        after = _floors(floor, known)
        # Calls of a kind or size that first appear in this run have a floor from after the run only.
        floors = {call: _mean(before.get(call, value), value) for call, value in after.items()}
        runs.append(run_record(time, result.calls, floors))
        before = after
    ratios = [record["overhead_ratio"] for record in runs]
    return {
        "net": net.name,
        "attack": name,
        "attack_parameters": attack.hyper_parameters,
        "batch_size": batch_size,
        "asr": float(result.success.mean()),
        "seconds_per_example": statistics.median(record["attack_seconds"] for record in runs) / batch_size,
        "gradient_evaluations_per_example": float(result.gradient_evaluations.mean()),
        "forward_evaluations_per_example": float(result.forward_evaluations.mean()),
        "overhead_median": statistics.median(ratios),
        "overhead_min": min(ratios),
        "overhead_max": max(ratios),
        "paired_overhead_median": statistics.median(record["paired_overhead_ratio"] for record in runs),
        "cpu_overhead_median": statistics.median(record["cpu_overhead_ratio"] for record in runs),
        "runs": runs,
    }


def run_record(time: Time, calls: Mapping[Call, int], floors: Mapping[Call, Time]) -> dict[str, Any]:
    """One run of an attack: its time, the time of its bare network calls, singly and in pairs, and the ratios."""
    record: dict[str, Any] = {"attack_seconds": time.wall / 1000, "attack_cpu_seconds": time.cpu / 1000}
    for prefix, counted in (("", calls), ("paired_", paired(calls))):
        floor_seconds = sum(number * floors[call].wall for call, number in counted.items()) / 1000
        record[f"{prefix}floor_seconds"] = floor_seconds
        record[f"{prefix}overhead_ratio"] = record["attack_seconds"] / floor_seconds
        record[f"{prefix}calls"] = [
            {
                "kind": call[0],
                "rows": call[1],
                "number": number,
                "milliseconds": floors[call].wall,
                "cpu_milliseconds": floors[call].cpu,
            }
            for call, number in sorted(counted.items())
        ]
    record["floor_cpu_seconds"] = sum(number * floors[call].cpu for call, number in calls.items()) / 1000
    record["cpu_overhead_ratio"] = record["attack_cpu_seconds"] / record["floor_cpu_seconds"]
    return record


def paired(calls: Mapping[Call, int]) -> dict[Call, int]:
    """The same calls, with one of each kind on the same number of rows counted as one `PAIR`."""
    pairs = {
        (PAIR, rows): min(number, calls.get(("forward", rows), 0))
        for (kind, rows), number in calls.items()
        if kind == "gradient"
    }
    left = {(kind, rows): number - pairs.get((PAIR, rows), 0) for (kind, rows), number in calls.items()}
    return {call: number for call, number in {**left, **pairs}.items() if number}


def _floors(floor: Floor, calls: Mapping[Call, int]) -> dict[Call, Time]:
    return {
        (kind, rows): floor.time(kind, rows, min(max(number, _MIN_CALLS), _MAX_CALLS))
        for (kind, rows), number in calls.items()
    }


def _mean(one: Time, other: Time) -> Time:
    return Time((one.wall + other.wall) / 2, (one.cpu + other.cpu) / 2)
