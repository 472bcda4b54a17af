"""Runs of every attack and solver whose results are recorded, bit by bit, in `recorded.json`.

`python -m tests.recorded` records them again: only where a solver has been changed on purpose. A record that was added
on another machine than the others has it as its "machine".
"""

from __future__ import annotations

import hashlib
import json
import platform
from pathlib import Path

import numpy as np
import tensorflow as tf

import tf_strattack as sa

RECORD = Path(__file__).parent / "recorded.json"
SHARED = Path(__file__).parent.parent.parent / "shared" / "data"


def attacks():
    """The attacks by name."""
    s, overlap = sa.solvers, {"group_size": 3, "stride": 2}
    plain = {"tau": 0.0, "epsilon": None, "refine": False}
    few = s.ProxLinear(max_iterations=50)
    return {
        "default": sa.StrAttack(),
        "overlap": sa.StrAttack(**overlap),
        "drop": sa.StrAttack(**overlap, border="drop"),
        "l2_half": sa.StrAttack(penalty="l2_half"),
        "l2_half_overlap": sa.StrAttack(**overlap, penalty="l2_half"),
        "maxgroups": sa.StrAttack(max_groups=20),
        "admm": sa.StrAttack(solver=s.Admm(max_iterations=60)),
        "admm_overlap": sa.StrAttack(**overlap, solver=s.Admm(max_iterations=60)),
        "admm_copies": sa.StrAttack(**overlap, solver=s.Admm(max_iterations=40, copies="paper"), border="drop"),
        "admm_maxgroups": sa.StrAttack(solver=s.Admm(max_iterations=40), max_groups=30),
        "paper": sa.StrAttack(
            solver=s.Paper(max_iterations=40, search_steps=2),
            refine=sa.Refinement(solver=s.Paper.refining(max_iterations=20, search_steps=2)),
        ),
        "paper_authors": sa.StrAttack(
            solver=s.Paper(rho=15.0, alpha=5.0, max_iterations=60, search_steps=3), tau=3.0, gamma=2.0, refine=False
        ),
        "confidence": sa.StrAttack(confidence=2.0),
        "fallback": sa.StrAttack(
            epsilon=0.05, solver=s.ProxLinear(max_iterations=20), fallback=s.Admm(max_iterations=20)
        ),
        "values": sa.StrAttack(
            tau=1.3,
            gamma=2.0,
            epsilon=None,
            solver=s.ProxLinear(rho=3.0, alpha=30.0, max_iterations=50, patience=10),
            refine=sa.Refinement(sigma_quantile=0.5, solver=s.ProxLinear.refining(max_iterations=20, patience=10)),
        ),
        **{
            f"admm_{name}": sa.StrAttack(distortion=name, solver=s.Admm(max_iterations=60), **plain)
            for name in ("l0", "l1", "l2", "en", "linf")
        },
        "l1_groups": sa.StrAttack(distortion="l1", solver=few),
        "en_groups": sa.StrAttack(distortion=sa.distortions.ElasticNet(beta=0.5), solver=few),
        "linf_tau0": sa.StrAttack(distortion="linf", tau=0.0, solver=few),
        "l0_refined": sa.StrAttack(distortion="l0", solver=s.Admm(max_iterations=40)),
        "cw": sa.CarliniWagnerL2(max_iterations=60, search_steps=3, initial_c=1.0),
        "cw_long": sa.CarliniWagnerL2(max_iterations=150, search_steps=2),
        "ead": sa.ElasticNet(max_iterations=60, search_steps=3, initial_c=1.0),
        "ead_l1": sa.ElasticNet(
            decision_rule="l1", beta=0.1, max_iterations=40, search_steps=2, initial_c=1.0, abort_early=False
        ),
        **{
            f"pgd_{norm}": sa.PGD(norm=norm, epsilon=radius, steps=20, restarts=2)
            for norm, radius in {"linf": 0.25, "l2": 2.5, "l1": 15.0}.items()
        },
        "pgd_margin": sa.PGD(norm="l2", epsilon=2.5, steps=20, restarts=0, loss="margin"),
        "sigma_zero": sa.SigmaZero(max_iterations=100),
        "sigma_zero_groups": sa.SigmaZero(max_iterations=100, groups=2),
        **{f"fgm_{norm}": sa.FGM(norm=norm) for norm in ("l1", "l2", "linf")},
        **{f"ifgm_{norm}": sa.IFGM(norm=norm, grid_ratio=1.1) for norm in ("l1", "l2", "linf")},
    }


def all_targets(images, labels):
    """Three images with all 9 targets each."""
    rows = np.repeat(np.arange(3), 9)
    targets = np.concatenate([[c for c in range(10) if c != label] for label in labels[:3]])
    return images[rows], labels[rows].astype(int), targets


def mnist():
    """The shipped MNIST network and digits."""
    images, labels, _ = sa.shipped.load_sample()
    return sa.shipped.load_classifier("mnist_cnn"), *all_targets(images, labels)


def cifar10():
    """The shipped CIFAR-10 network and test images."""
    import tensorflow_datasets as tfds

    stored = tfds.load("cifar10", split="test[:12]", data_dir=SHARED / "tfds", download=False)
    examples = list(tfds.as_numpy(stored))
    images = np.stack([example["image"] for example in examples]).astype(np.float32) / np.float32(255)
    labels = np.array([example["label"] for example in examples])
    classifier = sa.shipped.load_classifier("cifar10_cnn")
    correct = classifier.classify(images) == labels
    return classifier, *all_targets(images[correct], labels[correct])


def cases():
    """The network and the examples that other implementations are compared on."""
    stored = np.load(SHARED / "cases" / "mnist_cases.npz")
    classifier = sa.Classifier.load(SHARED / "cases" / "mnist_net.keras", preprocessing=lambda x: x - 0.5)
    return classifier, stored["images"], stored["labels"], stored["targets"]


PROBLEMS = {"mnist_cnn": mnist, "cifar10_cnn": cifar10, "cases": cases}


def machine():
    """What the last bits depend on in addition to the code: versions, processor, threads."""
    flags = next((line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("flags")), "")
    return {
        "tensorflow": tf.__version__,
        "numpy": np.__version__,
        "processor": hashlib.sha256((platform.machine() + flags).encode()).hexdigest()[:16],
        "devices": len(tf.config.list_logical_devices()),
    }


def digest(array):
    """A digest of the bytes of an array."""
    return hashlib.sha256(np.ascontiguousarray(array).tobytes()).hexdigest()[:20]


def record_of(result):
    """What is recorded of a result: digests, and numbers for machines on which the last bits differ."""
    delta = result.delta[result.success]
    return {
        "adversarial": digest(result.adversarial.astype(np.float32)),
        "c": digest(result.c.astype(np.float32)),
        "gradient_evaluations": int(result.gradient_evaluations.sum()),
        "forward_evaluations": int(result.forward_evaluations.sum()),
        "successes": int(result.success.sum()),
        "l2": float(sa.metrics.l2(delta).mean()) if len(delta) else None,
    }


def main():
    """Records all."""
    records = {}
    for name, problem in PROBLEMS.items():
        classifier, *examples = problem()
        for attack_name, attack in attacks().items():
            records[f"{name}/{attack_name}"] = record_of(attack(classifier, *examples))
    RECORD.write_text(json.dumps({"machine": machine(), "records": records}, indent=1) + "\n")


if __name__ == "__main__":
    main()
