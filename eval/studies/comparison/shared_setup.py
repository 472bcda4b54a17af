"""The common setup of programs that compare attacks: the shared flags, and the directory of the runs."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any, NamedTuple

from tf_strattack.programs.notices import notice

from ... import flags
from ...inputs.applications import NONE
from ...inputs.attacks import make_attack
from ...inputs.datasets import Data
from ...inputs.examples import Selection
from ...inputs.from_flags import bounds, data_from_flags, model_from_flags, model_options
from ...inputs.groups import Grouping, parse_groups
from ...inputs.models import Model
from ...inputs.targets import parse_targets
from ...pipeline import check_flags, check_groups
from ...runs.flags import CLUSTER
from ..study import Study, verify_study
from .estimate import announce_size, seconds_per_gradient
from .rows import AttackRow, Comparison, check_parameters

# The shipped network of a data set.
_NETWORKS = {"sample": "mnist_cnn", "mnist": "mnist_cnn", "cifar10": "cifar10_cnn"}


_SMALLER = "--num_images, --targets=random and --attacks"


class SharedSetup(NamedTuple):
    """The setup of a comparison.

    Attributes:
      program: the program that compares.
      comparison: the directory of the runs, and the arguments that they share.
      network: the network to attack; without --model, the shipped one for the data set.
      data: the images.
      grouping: the groups of pixels.
      configuration: the configuration of the comparison; JSON values.
    """

    program: str
    comparison: Comparison
    network: Model
    data: Data
    grouping: Grouping
    configuration: dict[str, Any]

    def study(self) -> Study:
        """Claims --output_dir."""
        directory, overwrite = self.comparison.directory, flags.OVERWRITE.value
        return Study(self.program, directory, self.configuration, overwrite=overwrite)

    def verify(self, rows: Sequence[AttackRow]) -> str:
        """Checks the comparison in --output_dir; see `verify_study`."""
        return verify_study(self.program, self.comparison.directory, self.configuration, rows)

    def announce(self, rows: Sequence[AttackRow]) -> None:
        """Prints how much work it is to make `rows`, and about how long it takes."""
        todo = {row.name: make_attack(row.attack, row.assigned, self.grouping.for_attack) for row in rows}
        classifier = self.network.classifier
        shape = classifier.image_shape
        if todo and shape is not None and None not in shape:
            seconds = seconds_per_gradient(classifier, [side or 1 for side in shape])
            per_image = parse_targets(flags.TARGETS.value).per_image(classifier.num_classes or 2)
            print(announce_size(todo, int(flags.NUM_IMAGES.value or 0), per_image, seconds, flags=_SMALLER), flush=True)

    def class_names(self) -> Mapping[int, str]:
        """The class names that the data set and the network have."""
        return {**self.data.class_names, **self.network.class_names}


def set_up(program: str, names: Collection[str]) -> SharedSetup:
    """Sets up a comparison of the attacks `names` by `program` from the shared flags.

    Raises:
      InputError: a value that does not fit.
    """
    check_flags()
    named = flags.MODEL.present or flags.DATASET.value not in _NETWORKS
    model = flags.MODEL.value if named else _NETWORKS[flags.DATASET.value]
    grouping = parse_groups(flags.GROUPS.value)
    parameters = check_parameters(flags.ATTACK_PARAMETERS.value, grouping.for_attack)
    for unused in sorted(parameters.keys() - set(names)):
        notice(f"--attack_parameters={unused}.{parameters[unused][0]} has no effect: {unused} is not of --attacks")
    network = model_from_flags(model)
    data = data_from_flags(network.classifier.image_shape)
    own_labels = flags.WEIGHTS.value == NONE
    # Finds errors that would end the first run: data that do not fit the network, or targets that do not exist.
    first = Selection(data.records, network.classifier, 1, parse_targets(flags.TARGETS.value), own_labels=own_labels)
    attacks = (make_attack(name, given, grouping.for_attack) for name, given in parameters.items())
    check_groups(first.image_shape, grouping, *attacks)
    configuration = {
        "dataset": flags.DATASET.value,
        "split": flags.SPLIT.value,
        "model": model,
        "model_sha256": network.sha256,
        "weights": flags.WEIGHTS.value,
        "resize": flags.RESIZE.value,
        "bounds": bounds(),
        "model_options": model_options(),
        **grouping.facts,
        "targets": flags.TARGETS.value,
        "num_images": flags.NUM_IMAGES.value,
        "batch_size": flags.batch_size(),
        "attack_parameters": parameters,
        "seed": flags.SEED.value,
    }
    directory = flags.output_dir(program, configuration)
    comparison = Comparison(directory, (f"--model={model}", *_shared()), parameters)
    return SharedSetup(program, comparison, network, data, grouping, configuration)


def _shared() -> tuple[str, ...]:
    return flags.arguments(
        [
            flags.BOUNDS,
            flags.DATA_FORMAT,
            flags.MODEL_OPTIONS,
            flags.WEIGHTS,
            flags.DATASET,
            flags.DATA_DIR,
            flags.SPLIT,
            flags.DOWNLOAD,
            flags.RESIZE,
            flags.ALLOW_OUTSIDE,
            flags.GROUPS,
            flags.NUM_IMAGES,
            flags.TARGETS,
            flags.BATCH_SIZE,
            flags.SEED,
            *CLUSTER,
        ]
    )
