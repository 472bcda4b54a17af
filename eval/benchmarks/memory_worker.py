"""One point of the memory section, in a process of its own: loads a net and, if the point has an attack, runs it once.

`python -m eval.benchmarks.memory_worker '{"net": "mnist_cnn", "cases_dir": null, "attack": {...}, "batch_size": 16}'`;
"attack" holds parameters of StrAttack as on the command line, or null to load the net only.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from tf_strattack import StrAttack
from tf_strattack.programs.interrupts import complete

from ..inputs.attack_parameters import assemble
from .nets import load_net


def main(text: str) -> None:
    """Measures the point that `text` describes."""
    point = json.loads(text)
    net = load_net(point["net"], None if point["cases_dir"] is None else Path(point["cases_dir"]))
    if point["attack"] is not None:
        images, labels, targets = net.examples(point["batch_size"])
        attack = assemble("strattack", StrAttack, point["attack"], None)
        complete(attack(net.classifier, images, labels, targets, batch_size=point["batch_size"]))


if __name__ == "__main__":
    main(sys.argv[1])
