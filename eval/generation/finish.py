"""What a generation leaves when all its shards are there: the data set, metrics.json, PNG files, and a table."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from eval.configuration import claim
from eval.generation.png import export
from eval.generation.store import Store
from eval.generation.work import BEFORE
from eval.pipeline import Setting, summary
from eval.program import command
from eval.records import Measures, summarise, write_metrics
from eval.table import format_table
from eval.tfds_directory import DISTANCES
from tf_strattack.metrics import mean_over_successes


def finish(
    store: Store, setting: Setting, configuration: dict[str, Any], *, png_dir: str | None, overwrite: bool
) -> None:
    """Joins the shards of `store`, exports them to `png_dir` if there is one, writes and prints the figures.

    Raises:
      InputError: `png_dir` holds something else, and `overwrite` is off.
    """
    store.assemble({**configuration, "command": command()})
    parts = list(store.measures())
    before = [{name: part.pop(name) for name in list(part) if name.startswith(BEFORE)} for part in parts]
    facts: dict[str, Any] = {
        **configuration, "command": command(), "skipped_misclassified": store.plan.skipped,
        **summarise(parts, seed=configuration["seed"]),
    }  # fmt: skip
    if before[0]:
        facts["before_quantization"] = _before(before)
    if png_dir is not None:
        origin = {"png_files_of": configuration}
        claim(Path(png_dir), origin, flag="--png_dir", overwrite=overwrite)
        names = {**setting.data.class_names, **setting.model.class_names}
        exported = export(store, Path(png_dir), setting.model.classifier, setting.attack.confidence, names)
        facts["png"] = {**exported, "asr": exported["num_successes"] / facts["num_examples"]}
    metrics = write_metrics(store.directory / "metrics.json", facts)
    print(format_table(metrics))
    print(f"{summary(metrics)}; {store.plan.num_shards} shards in {store.directory}")
    if before[0]:
        rates = [("float images", metrics["before_quantization"]["asr"]), ("8-bit images", metrics["all"]["asr"])]
        if png_dir is not None:
            rates.append(("PNG files read again", metrics["png"]["asr"]))
        print("success: " + ", ".join(f"{name} {rate:.2%}" for name, rate in rates))


def _before(parts: list[Measures]) -> dict[str, Any]:
    """Success and distances of the float images, as in the blocks of metrics.json."""
    joined = {name.removeprefix(BEFORE): np.concatenate([part[name] for part in parts]) for name in parts[0]}
    return mean_over_successes(joined.pop("success"), {name: joined[name] for name in DISTANCES})
