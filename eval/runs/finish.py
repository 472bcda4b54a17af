"""The last step of a run: completes the data set, writes metrics, figures and report, and prints a table."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from tf_strattack import AttackResult
from tf_strattack.metrics import mean_over_successes
from tf_strattack.percent import percent
from tf_strattack.programs.command_line import command
from tf_strattack.programs.directories.configuration import require_no_folder
from tf_strattack.programs.directories.layouts import CARD
from tf_strattack.programs.streams import printable
from tf_strattack.runtime.files import write_json

from ..gate.sarif import SARIF, write_sarif
from ..inputs.groups import write_maps
from ..report.building import write_run_report
from ..report.examples import batches_of
from ..report.page import REPORT
from ..tables.measures import format_table, numbered
from .dataset_card import LICENSE, is_theirs
from .formats import FORMATS
from .manifest import file_damage, read_manifest, write_manifest
from .records import Measures, completed, summarise
from .rows import DISTANCES
from .setting import Setting
from .store import Store
from .verification import report
from .work import BEFORE, ROUNDED

METRICS, EXAMPLES, MAPS = "metrics.json", "examples.png", "groups.npz"
_ABOUT_FLOAT = (f"{BEFORE}success", *(BEFORE + name for name in DISTANCES), ROUNDED)

# Draws results, shard by shard, into a file; takes the known class names.
Draw = Callable[[Path, Iterator[AttackResult], Mapping[int, str]], None]
# Writes the examples to another place; takes the facts of the manifest, and returns further ones.
Export = Callable[[Mapping[str, Any]], dict[str, Any]]


class _Product(NamedTuple):
    """Files within the directory, and the function that writes them."""

    files: tuple[str, ...]
    write: Callable[[], None]


def take_apart(store: Store) -> None:
    """Removes the files made from the shards, also from the manifest: they are invalid until all shards are intact."""
    for name in (*_info(*FORMATS), METRICS, SARIF, EXAMPLES, MAPS, REPORT):
        path = store.directory / name
        if _is_ours(path):
            path.unlink(missing_ok=True)
    write_manifest(store)


def finish(store: Store, setting: Setting, draw: Draw | None, export: Export | None) -> None:
    """Makes missing or damaged files from the shards of `store`, and prints the figures.

    Args:
      store: the shards, all of them intact.
      setting: the setting of the run.
      draw: draws examples.png; None for no such file.
      export: as in `Export`; what it returns is in metrics.json, too.
    """
    earlier = read_manifest(store)
    facts = earlier["facts"] if earlier else _new_facts(store, setting)
    facts = {**facts, **(export(facts) if export else {})}
    metrics = {**store.configuration, **facts, **_figures(store, setting, facts)}
    # If the facts have changed, all files are made again.
    recorded = earlier["files"] if earlier and earlier["facts"] == facts else {}
    products, made = _products(store, setting, metrics, draw), False
    for product in products:
        require_no_folder("this program", *filter(_is_ours, map(store.directory.joinpath, product.files)))
        damaged = _damaged(store, product.files, recorded) if recorded else list(product.files)
        if damaged:
            for path in filter(Path.is_symlink, map(store.directory.joinpath, damaged)):
                path.unlink()  # otherwise the target of the link would be overwritten
            product.write()
            made = True
    if made:
        names = [name for product in products for name in product.files]
        write_manifest(store, facts, [name for name in names if _is_ours(store.directory / name)])
    _show(store, metrics)


def _new_facts(store: Store, setting: Setting) -> dict[str, Any]:
    note = setting.selection.warn_near_chance(len(store.plan.positions), store.plan.skipped)
    return completed({"command": command(), "notes": [note] if note else []})


def _products(store: Store, setting: Setting, metrics: dict[str, Any], draw: Draw | None) -> list[_Product]:
    """The files to make, in this order; each depends on the entries, the shards and `metrics` alone."""
    directory, names = store.directory, setting.class_names()
    facts = {**store.configuration, **{name: metrics[name] for name in ("command", LICENSE) if name in metrics}}

    def write_report() -> None:
        batches = batches_of(store.results(), setting.grouping)
        write_run_report(directory, metrics, batches, names, summary(metrics), setting.model.classifier)

    def about(form: str) -> _Product:
        folder = directory / FORMATS[form].FOLDER
        return _Product(_info(form), lambda: FORMATS[form].write_info(folder, store.schema, store.files(form), facts))

    products = [
        *map(about, store.formats),
        _Product((METRICS,), lambda: write_json(directory / METRICS, metrics)),
        _Product((SARIF,), lambda: write_sarif(directory / SARIF, store, metrics, names)),
        _Product((REPORT,), write_report),
    ]
    if setting.grouping.squares is None:
        products.insert(-1, _Product((MAPS,), lambda: write_maps(directory / MAPS, setting.grouping, store.results())))
    if draw is not None:
        products.insert(-1, _Product((EXAMPLES,), lambda: draw(directory / EXAMPLES, store.results(), names)))
    return products


def _damaged(store: Store, names: tuple[str, ...], recorded: Mapping[str, str]) -> list[str]:
    """The names of files that differ from the record; reports each."""
    damaged = []
    for name in names:
        path = store.directory / name
        reason = file_damage(path, recorded.get(name, ""))
        if reason and _is_ours(path):
            report(name, f"{reason}; made again")
            damaged.append(name)
    return damaged


def _info(*formats: str) -> tuple[str, ...]:
    """The files that describe the shards in some formats."""
    return tuple(f"{FORMATS[form].FOLDER}/{name}" for form in formats for name in FORMATS[form].INFO)


def _is_ours(path: Path) -> bool:
    return not (path.name == CARD and is_theirs(path))


def _figures(store: Store, setting: Setting, facts: Mapping[str, Any]) -> dict[str, Any]:
    """The figures of metrics.json, from the measures in the entries."""
    parts = list(store.measures())
    before = [{name: part.pop(name) for name in _ABOUT_FLOAT if name in part} for part in parts]
    plan = store.plan
    figures = summarise(parts, seed=store.configuration["seed"], skipped=plan.skipped, own_labels=setting.own_labels)
    if before[0]:
        figures["before_quantization"] = _before(before)
    if "png" in facts:
        figures["png"] = {**facts["png"], "asr": facts["png"]["num_successes"] / plan.num_examples}
    return figures


def _before(parts: list[Measures]) -> dict[str, Any]:
    """Success and distances before quantization, as in the blocks of metrics.json, and success after rounding alone."""
    joined = {name: np.concatenate([part[name] for part in parts]) for name in _ABOUT_FLOAT}
    distances = {name: joined[BEFORE + name] for name in DISTANCES}
    block = mean_over_successes(joined[f"{BEFORE}success"], distances)
    return {**block, "asr_rounded_alone": float(joined[ROUNDED].mean())}


def _show(store: Store, metrics: Mapping[str, Any]) -> None:
    print(format_table(metrics))
    shards = numbered(store.plan.num_shards, "shard")
    print(printable(f"{summary(metrics)}; {shards} in {store.directory}"))
    if "before_quantization" in metrics:
        earlier = metrics["before_quantization"]
        rates = {
            "float images": earlier["asr"],
            "rounded alone": earlier["asr_rounded_alone"],
            "8-bit images": metrics["all"]["asr"],
        }
        if "png" in metrics:
            rates["PNG files read again"] = metrics["png"]["asr"]
        print("success: " + ", ".join(f"{name} {percent(rate, 2)}%" for name, rate in rates.items()))


def summary(metrics: Mapping[str, Any]) -> str:
    """A line with the numbers and the cost in metrics.json."""
    return (
        f"{numbered(metrics['num_images'], 'image')} attacked, {metrics['skipped_misclassified']} skipped as "
        f"misclassified; {metrics['gradient_evaluations_per_example']:.0f} gradient and "
        f"{metrics['forward_evaluations_per_example']:.0f} forward evaluations, "
        f"{metrics['seconds_per_example']:.3f} s per example"
    )
