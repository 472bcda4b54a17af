"""Makes the shards that are missing or damaged, and no others."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterable
from typing import Any

from tf_strattack.programs.directories.locks import one_at_a_time

from .store import MANIFEST, Store
from .verification import report
from .work import Outcomes

# While shards are made the manifest is written so often, and with many of them less; the entries have what it tells.
_LISTING_SECONDS, _LISTING_SHARE = 15.0, 50


def make_missing(
    store: Store,
    configuration: dict[str, Any],
    wanted: Iterable[int],
    attack: Callable[[list[int], int], Outcomes],
    *,
    listing: bool,
) -> None:
    """Makes what has no intact shard, of `wanted`.

    Args:
      store: where shards are.
      configuration: of the generation, for the manifest.
      wanted: the numbers of the shards to look at, ascending.
      attack: makes the shards of the numbers given, which have as many examples as given, in any order.
      listing: whether the manifest is written meanwhile; not where other processes write shards.
    """
    if (reason := store.manifest_damage()) and not store.untouched():
        report(MANIFEST, f"{reason}; written anew")
    missing = []
    for number in wanted:
        reason = None if store.missing(number) else store.damage(number)
        if reason:
            report(store.path(number).name, f"{reason}; made anew")
        if reason or store.missing(number):
            missing.append(number)
    if not missing:
        return
    with one_at_a_time(store.directory / MANIFEST):
        store.disassemble(configuration)
    listed, pause = time.monotonic(), _LISTING_SECONDS
    with contextlib.closing(attack(missing, sum(map(store.plan.length, missing)))) as outcomes:
        for number, outcome in outcomes:
            store.write(number, outcome.result, outcome.measures)
            if listing and time.monotonic() - listed > pause:
                begun = time.monotonic()
                store.write_manifest(configuration, complete=False)
                listed = time.monotonic()
                pause = max(_LISTING_SECONDS, _LISTING_SHARE * (listed - begun))
