"""The promise about another process: it gets the same result, whatever Python's hashes and the clock are there."""

from __future__ import annotations

import hashlib
import io
import json
import os
import subprocess
import sys
from typing import Any

import numpy as np
import tensorflow as tf

from tf_strattack.acceptance import Verdict
from tf_strattack.acceptance.repetition import SAME
from tf_strattack.acceptance.trial import Trial

from . import again
from .again import MARK, NUMBER
from .trials import Arrays

NAME = "process"
_OFF = "disable_meta_optimizer"
# Two seeds of Python's hashes, of which one differs from that of this process.
_HASHES, _SEEDS = "PYTHONHASHSEED", ("1", "2")


def process(number: int, examples: Arrays, trial: Trial) -> Verdict:
    """Makes the result of a trial in another process, which reads the same flags.

    Args:
      number: the place of the network among those that the flags name.
      examples, trial: the examples, and the trial on them.
    """
    mine = digests(trial)
    archive = io.BytesIO()
    arrays: dict[str, Any] = {**examples, NUMBER: np.array(number)}
    np.savez(archive, **arrays)
    seed = next(seed for seed in _SEEDS if seed != os.environ.get(_HASHES))
    other = subprocess.run(
        [sys.executable, "-m", again.__name__, *sys.argv[1:]],
        input=archive.getvalue(),
        env={**os.environ, _HASHES: seed, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        capture_output=True,
    )
    printed, said = (text.decode(errors="replace").splitlines() for text in (other.stdout, other.stderr))
    found = [line.removeprefix(MARK) for line in printed if line.startswith(MARK)]
    if other.returncode or not found:
        last = (said or ["no message"])[-1]
        return Verdict(NAME, False, f"another process ended with status {other.returncode}, without a result: {last}")
    theirs = json.loads(found[-1])
    differ = [name for name in SAME if mine[name] != theirs[name]]
    details = {"differ": differ}
    if differ:
        return Verdict(NAME, False, f"the same call in another process differs in {', '.join(differ)}", details)
    return Verdict(NAME, True, "the same call in another process is equal bit by bit", details)


def digests(trial: Trial) -> dict[str, str]:
    """A hash of each part of a result that is the same in every process.

    TensorFlow's graph optimizer does not order sums alike in every process, which shows in the last bits of some
    networks. It is off here.
    """
    options = tf.config.optimizer.get_experimental_options()
    tf.config.optimizer.set_experimental_options({**options, _OFF: True})
    try:
        result = trial.run(classifier=trial.classifier.watched(lambda network: network))  # with nothing compiled yet
    finally:
        tf.config.optimizer.set_experimental_options({**options, _OFF: options.get(_OFF, False)})
    return {name: hashlib.sha256(np.asarray(getattr(result, name)).tobytes()).hexdigest() for name in SAME}
