"""Makes a result of `eval.acceptance` in a process of its own, and prints the hashes of its parts.

Its flags are those of `eval.acceptance`; the network is the one whose place among theirs comes with the examples.
"""

from __future__ import annotations

import io
import itertools
import json
import sys

import numpy as np

from .. import flags
from ..acceptance import OPTIONS

# Next to the examples: the place of the network.
NUMBER = "number"
# Before the hashes, among what else the attack may print.
MARK = "hashes of the result: "


def main() -> None:
    """Attacks the examples that come through standard input, an archive of arrays."""
    from .networks import networks
    from .processes import digests
    from .trials import trial_of

    with np.load(io.BytesIO(sys.stdin.buffer.read())) as examples:
        tried = next(itertools.islice(networks(), int(examples[NUMBER]), None))
        print(f"\n{MARK}{json.dumps(digests(trial_of(tried.setting, dict(examples))))}")


if __name__ == "__main__":
    flags.run_program(main, __doc__, OPTIONS)
