"""The sections of the benchmark, and the columns of their tables."""

from __future__ import annotations

from . import curves, floor, foolbox_peer, groups, memory, overhead, pareto, peers, precision, scaling
from .structured import section

# Section → the columns of its table.
SECTIONS = {
    "floor": floor.COLUMNS,
    "attacks": overhead.COLUMNS,
    "curves": curves.COLUMNS,
    "pareto": pareto.COLUMNS,
    "groups": groups.COLUMNS,
    "memory": memory.COLUMNS,
    "scaling": scaling.COLUMNS,
    "precision": precision.COLUMNS,
    "foolbox": foolbox_peer.COLUMNS,
    "peers": peers.COLUMNS,
    "structured": section.COLUMNS,
}
