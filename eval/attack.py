"""Attacks a model: `python -m eval.attack` runs StrAttack on shipped digits; --help lists the flags.

Prints the table of best, average and worst case over targets and writes into --output_dir:
metrics.json, dataset/ (the examples, for tfds.builder_from_directory) and examples.png.
"""

from __future__ import annotations

from eval import flags
from eval.attacks import describe_attacks, make_attack
from eval.datasets import read_dataset
from eval.examples import Selection, make_shards, parse_targets
from eval.figures import draw_examples
from eval.models import load_model
from eval.program import command, run
from eval.records import summarise, write_dataset, write_metrics
from eval.runs import Run
from eval.table import format_table
from tf_strattack.attack import default_batch_size
from tf_strattack.groups import Groups


def main() -> None:
    """Wires flags, model, data set, attack and records together."""
    if flags.LIST_ATTACKS.value:
        print(describe_attacks())
        return
    targets = parse_targets(flags.TARGETS.value)
    attack = make_attack(flags.ATTACK.value, flags.ATTACK_PARAMETERS.value, group_size=flags.GROUP_SIZE.value)
    model = load_model(flags.MODEL.value, flags.bounds())
    records = read_dataset(
        flags.DATASET.value, data_dir=flags.DATA_DIR.value, split=flags.SPLIT.value, download=flags.DOWNLOAD.value
    )
    selection = Selection(records, model.classifier, flags.NUM_IMAGES.value)
    total = selection.num_images * selection.examples_per_image(targets)
    height, width, _ = selection.image_shape
    Groups(height, width, flags.GROUP_SIZE.value, flags.GROUP_SIZE.value)  # refuses what does not fit
    facts = {
        "attack": flags.ATTACK.value,
        "attack_parameters": attack.parameters,
        "model": model.name,
        "model_sha256": model.sha256,
        "bounds": model.classifier.bounds,
        "dataset": flags.DATASET.value,
        "split": flags.SPLIT.value,
        "group_size": flags.GROUP_SIZE.value,
        "targets": flags.TARGETS.value,
        "seed": flags.SEED.value,
    }
    rows = flags.BATCH_SIZE.value or default_batch_size(selection.image_shape)
    run_of = {**facts, "num_images": flags.NUM_IMAGES.value, "batch_size": rows}
    output = Run(flags.output_dir(), run_of, overwrite=flags.OVERWRITE.value)
    shards = make_shards(selection, model.classifier, targets, rows=rows, seed=flags.SEED.value)
    output.attack(attack, model.classifier, shards, total)

    figures = summarise(output.results(), group_size=flags.GROUP_SIZE.value, seed=flags.SEED.value)
    metrics = write_metrics(
        output.directory / "metrics.json",
        {**facts, "command": command(), "skipped_misclassified": selection.skipped, **figures},
    )
    write_dataset(output.directory / "dataset", output.results(), {**facts, "command": command()})
    draw_examples(
        output.directory / "examples.png", next(output.results()),
        group_size=flags.GROUP_SIZE.value, class_names=model.class_names,
    )  # fmt: skip
    print(format_table(metrics))
    print(
        f"{metrics['num_images']} images, {selection.skipped} misclassified ones skipped; "
        f"{metrics['gradient_evaluations_per_example']:.0f} gradient and "
        f"{metrics['forward_evaluations_per_example']:.0f} forward evaluations, "
        f"{metrics['seconds_per_example']:.3f} s an example; written to {output.directory}"
    )


if __name__ == "__main__":
    run(main)
