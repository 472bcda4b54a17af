"""What a generation leaves when all its shards are there: the data set, metrics.json, PNG files, and a table."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from tf_strattack.metrics import mean_over_successes
from tf_strattack.programs.command_line import command
from tf_strattack.programs.directories.configuration import claim

from ..pipeline import Setting, summary
from ..report.page import REPORT
from ..runs.records import Measures, summarise, write_metrics
from ..runs.store import METRICS, Store
from ..runs.tfds_directory import DISTANCES
from ..runs.work import BEFORE, ROUNDED
from ..tables.measures import format_table, numbered
from .png import export
from .stored_report import write_stored_report

# Whose work a folder of PNG files is.
EXPORT = "eval.generate --png_dir"
_ABOUT_FLOAT = (f"{BEFORE}success", *(BEFORE + name for name in DISTANCES), ROUNDED)


def finish(
    store: Store, setting: Setting, configuration: dict[str, Any], *, png_dir: str | None, overwrite: bool
) -> None:
    """Joins the shards of `store`, exports them to `png_dir` if there is one, writes and prints the figures.

    What has been joined already, and is not to be exported, is only told of.

    Raises:
      InputError: `png_dir` holds something else, and `overwrite` is off.
    """
    path = store.directory / METRICS
    anew = png_dir is not None or not store.assembled()
    if anew:
        _write(store, setting, configuration, path, png_dir, overwrite)
    metrics = json.loads(path.read_text())
    if anew or not (store.directory / REPORT).exists():
        write_stored_report(store, setting, metrics, summary(metrics))
    print(format_table(metrics))
    print(f"{summary(metrics)}; {numbered(store.plan.num_shards, 'shard')} in {store.directory}")
    if "before_quantization" in metrics:
        earlier = metrics["before_quantization"]
        rates = {
            "float images": earlier["asr"],
            "rounded alone": earlier["asr_rounded_alone"],
            "8-bit images": metrics["all"]["asr"],
        }
        if "png" in metrics:
            rates["PNG files read again"] = metrics["png"]["asr"]
        print("success: " + ", ".join(f"{name} {rate:.2%}" for name, rate in rates.items()))


def png_origin(configuration: dict[str, Any]) -> dict[str, Any]:
    """The configuration of a folder of PNG files."""
    return {"png_files_of": configuration}


def _write(
    store: Store, setting: Setting, configuration: dict[str, Any], path: Path, png_dir: str | None, overwrite: bool
) -> None:
    parts = list(store.measures())
    before = [{name: part.pop(name) for name in _ABOUT_FLOAT if name in part} for part in parts]
    note = setting.selection.warn_near_chance(len(store.plan.positions), store.plan.skipped)
    facts: dict[str, Any] = {
        **configuration,
        "command": command(),
        **summarise(parts, seed=configuration["seed"], skipped=store.plan.skipped, own_labels=setting.own_labels),
        "notes": [note] if note else [],
    }
    if before[0]:
        facts["before_quantization"] = _before(before)
    if png_dir is not None:
        release = claim(Path(png_dir), png_origin(configuration), program=EXPORT, flag="--png_dir", overwrite=overwrite)
        confidence, names = setting.attack.confidence, setting.class_names()
        exported = export(store, Path(png_dir), setting.model.classifier, confidence, names, configuration)
        facts["png"] = {**exported, "asr": exported["num_successes"] / facts["num_examples"]}
        release()  # other jobs of an array may follow
    write_metrics(path, facts)
    store.assemble(configuration, {**configuration, "command": command()})


def _before(parts: list[Measures]) -> dict[str, Any]:
    """Success and distances of the float images, as in the blocks of metrics.json, and success after mere rounding."""
    joined = {name: np.concatenate([part[name] for part in parts]) for name in _ABOUT_FLOAT}
    distances = {name: joined[BEFORE + name] for name in DISTANCES}
    block = mean_over_successes(joined[f"{BEFORE}success"], distances)
    return {**block, "asr_rounded_alone": float(joined[ROUNDED].mean())}
