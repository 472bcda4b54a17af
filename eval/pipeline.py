"""What the attack programs have in common: images in, attacked and recorded shard by shard, tables and figures out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from tf_strattack import Attack, AttackResult, SlidingMask
from tf_strattack.programs.command_line import command
from tf_strattack.programs.directories.files import write_json
from tf_strattack.programs.notices import notice, stage
from tf_strattack.programs.running import announce
from tf_strattack.runtime.devices import default_batch_size

from . import flags
from .inputs.applications import NONE
from .inputs.attacks import make_attack
from .inputs.datasets import Data, read_dataset
from .inputs.examples import Selection, make_shards
from .inputs.models import Model
from .inputs.targets import Targets, parse_targets
from .report.building import write_run_report
from .report.examples import Batch
from .runs.reading import Run
from .runs.records import completed, measure, summarise, write_dataset
from .runs.tensorboard import Summaries
from .tables.measures import format_table, numbered

# Draws results, shard by shard, into a file, with the class names that are known.
Draw = Callable[[Path, Iterator[AttackResult], Mapping[int, str]], None]


class Setting(NamedTuple):
    """What the shared flags name.

    Attributes:
      attack, model, data: the attack, the network, and the images.
      targets: those of each image.
      selection: the images to attack.
      per_image: how many examples each makes.
      own_labels: whether images have the labels that the network, an untrained one, gives them.
      facts: all of it, to be recorded; JSON values.
    """

    attack: Attack
    model: Model
    data: Data
    targets: Targets
    selection: Selection
    per_image: int
    own_labels: bool
    facts: dict[str, Any]

    def class_names(self) -> Mapping[int, str]:
        """The names of classes that data set and network know."""
        return {**self.data.class_names, **self.model.class_names}


def read_flags(dataset: str, split: str, *, on_lattice: bool = False) -> Setting:
    """Opens what the flags name; `on_lattice` rounds images to 8 bits.

    Raises:
      InputError: something that does not exist, or does not fit.
    """
    targets = parse_targets(flags.TARGETS.value)
    attack = make_attack(flags.ATTACK.value, flags.ATTACK_PARAMETERS.value, group_size=flags.GROUP_SIZE.value)
    stage(f"loading {flags.MODEL.value}")
    model = flags.load_flagged_model()
    stage(f"reading {dataset}")
    data = read_dataset(
        dataset,
        data_dir=flags.DATA_DIR.value,
        split=split,
        download=flags.DOWNLOAD.value,
        image_shape=model.classifier.image_shape,
        resize=flags.RESIZE.value,
    )
    data = data.on_lattice() if on_lattice else data
    if (flags.NUM_IMAGES.value or 0) > data.number:
        notice(f"the data set has {numbered(data.number, 'image')}, fewer than --num_images={flags.NUM_IMAGES.value}")
    untrained = flags.WEIGHTS.value == NONE
    selection = Selection(data.records, model.classifier, flags.NUM_IMAGES.value, targets, own_labels=untrained)
    per_image = targets.per_image(model.classifier.num_classes or 1)
    height, width, _ = selection.image_shape
    SlidingMask(flags.GROUP_SIZE.value).of(height, width)  # refuses what does not fit
    facts: dict[str, Any] = {
        "attack": flags.ATTACK.value,
        "attack_parameters": attack.hyper_parameters,
        "model": model.name,
        "model_sha256": model.sha256,
        "weights": flags.WEIGHTS.value,
        "labels": "those that the untrained network gives" if untrained else "those of the data set",
        "bounds": model.classifier.bounds,
        "model_options": flags.model_options(),
        "dataset": dataset,
        "split": split,
        "resize": flags.RESIZE.value,
        "group_size": flags.GROUP_SIZE.value,
        "targets": str(targets),
        "seed": flags.SEED.value,
    }
    return Setting(attack, model, data, targets, selection, per_image, untrained, facts)


def attack_dataset(dataset: str, draw: Draw, *, split: str, shard_per_image: bool) -> None:
    """Attacks `dataset` as the flags say and writes the run into --output_dir.

    Args:
      dataset: as of `read_dataset`.
      draw: makes examples.png.
      split: of a TFDS data set.
      shard_per_image: whether a shard, the most that an interruption loses, is the examples of one image, whatever the
        batch size; else it is a batch.
    """
    batch_size = flags.batch_size()
    summaries = Summaries(flags.tensorboard_dir())
    attack, model, data, targets, selection, per_image, own_labels, facts = read_flags(dataset, split)
    run_of = {**facts, "num_images": flags.NUM_IMAGES.value}
    rows = per_image
    if not shard_per_image:
        rows = batch_size if isinstance(batch_size, int) else default_batch_size(selection.image_shape)
        run_of["batch_size"] = rows
    program = "eval.imagenet" if shard_per_image else "eval.attack"
    output = Run(flags.output_dir(program, run_of), run_of, program=program, overwrite=flags.OVERWRITE.value)
    announce(output.directory)
    shards = make_shards(selection, model.classifier, targets, rows=rows, seed=flags.SEED.value)
    output.attack(
        attack,
        model.classifier,
        shards,
        min(selection.num_images, data.number) * per_image,
        batch_size=batch_size,
        summaries=summaries,
    )

    measured = (measure(result, group_size=flags.GROUP_SIZE.value) for result in output.results())
    figures = summarise(measured, seed=flags.SEED.value, skipped=selection.skipped, own_labels=own_labels)
    note = selection.warn_near_chance(selection.attacked, selection.skipped)
    metrics = completed({**facts, "command": command(), **figures, "notes": [note] if note else []})
    class_names = {**data.class_names, **model.class_names}
    write_dataset(output.directory / "dataset", output.results(), {**facts, "command": command()})
    # After the data set: other programs take a run that has it for finished.
    write_json(output.directory / "metrics.json", metrics)
    draw(output.directory / "examples.png", output.results(), class_names)
    batches = (Batch.of(result) for result in output.results())
    write_run_report(output.directory, metrics, batches, class_names, summary(metrics))
    print(format_table(metrics))
    print(f"{summary(metrics)}; written to {output.directory}")


def summary(metrics: Mapping[str, Any]) -> str:
    """What metrics.json tells of numbers and cost, in a line."""
    return (
        f"{numbered(metrics['num_images'], 'image')} attacked, {metrics['skipped_misclassified']} skipped as "
        f"misclassified; {metrics['gradient_evaluations_per_example']:.0f} gradient and "
        f"{metrics['forward_evaluations_per_example']:.0f} forward evaluations, "
        f"{metrics['seconds_per_example']:.3f} s per example"
    )
