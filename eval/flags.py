"""The flags that all programs share."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, TypeVar

from absl import flags

from tf_strattack import InputError
from tf_strattack.programs.command_line import Holder, Options
from tf_strattack.programs.directories.unfinished import default_directory
from tf_strattack.programs.numbers import whole_number
from tf_strattack.programs.running import run, tensorboard_directory
from tf_strattack.programs.silence_tensorflow import import_tensorflow

from .runs.flags import CLUSTER, VERIFY

_Number = TypeVar("_Number", int, float)

MODEL = flags.DEFINE_string(
    "model",
    "mnist_cnn",
    "mnist_cnn, cifar10_cnn or mnist_pgd (shipped; the last is trained on PGD examples), a network of "
    "keras.applications such as inception_v3, a Keras file or a SavedModel directory.",
)
WEIGHTS = flags.DEFINE_string(
    "weights",
    None,
    "For a network of keras.applications: imagenet (downloaded; if unset), a file, or none for random weights, to "
    "measure what an attack costs; images then get the labels that the network gives them.",
)
BOUNDS = flags.DEFINE_list("bounds", ["0", "1"], "Scale of the model's input: lowest and highest pixel value.")
DATA_FORMAT = flags.DEFINE_enum(
    "data_format",
    None,
    ["channels_last", "channels_first", "series", "volumes"],
    "Where the channels of the model's input are, if it does not say so itself, or that it takes series (steps, "
    "channels) or volumes (depth, height, width, channels). Images of the data set are always (height, width, "
    "channels): series with a height of 1, volumes with their slices below each other.",
)
MODEL_OPTIONS = flags.DEFINE_list(
    "model_options",
    [],
    "For a model file or directory: output=NAME or PLACE of the class scores, outputs=logits, probabilities or "
    "sigmoid, signature=NAME of a SavedModel.",
)
DATASET = flags.DEFINE_string(
    "dataset",
    "sample",
    "sample (shipped MNIST test digits), a TFDS name, a folder of images with labels.csv or with a sub-folder for each "
    "class, or an .npz file.",
)
DATA_DIR = flags.DEFINE_string("data_dir", None, "Directory of prepared TFDS data sets.")
RESIZE = flags.DEFINE_string(
    "resize",
    "auto",
    "Shorter side in pixels to which images are resized before the middle is cut out; none; or auto: image files, and "
    "data of varying sizes, are resized so that the model's size is 87.5 % of that side (images of exactly the model's "
    "size stay as they are).",
)
ALLOW_OUTSIDE = flags.DEFINE_bool(
    "allow_outside", False, "Let image files of a folder lie, or links in it lead, outside of it."
)
SPLIT = flags.DEFINE_string(
    "split", "test", "Split of a TFDS data set, or of an .npz file with x_train, y_train, x_test, y_test."
)
DOWNLOAD = flags.DEFINE_bool("download", False, "Let TFDS download what is missing.")
ATTACK = flags.DEFINE_string("attack", "strattack", "The attack; --list_attacks prints them.")
ATTACK_PARAMETERS = flags.DEFINE_list("attack_parameters", [], "Hyper-parameters: name=value,name=value.")
LIST_ATTACKS: Holder = flags.DEFINE_flag(
    # A boolean flag to absl, which therefore takes it without a value, too.
    flags.Flag(
        flags.ArgumentParser(),
        flags.ArgumentSerializer(),
        "list_attacks",
        None,
        "Print the attacks, or with =NAME the parameters of one, and stop.",
        boolean=True,
    )
)
GROUPS = flags.DEFINE_string(
    "groups",
    "squares:2",
    "Which pixels belong together, for strattack and sigma_zero_groups, and for the measure of changed groups of any "
    "attack: squares:2, squares:3,2 (side and step), superpixels:64 (about so many in each image), rows, columns, "
    "channels, channels:2 (squares of each channel), or file:MAPS.npz.",
)
NUM_IMAGES = flags.DEFINE_integer(
    "num_images",
    None,
    "Images to attack, all if unset; misclassified ones are skipped and not counted.",
    lower_bound=1,
)
TARGETS = flags.DEFINE_string(
    "targets",
    "all",
    "Classes to reach: all (every other class), random (one for each image), random:3 (three), class:3 (that one), "
    "least_likely (the one with the lowest score), or untargeted (any other class).",
)
BATCH_SIZE = flags.DEFINE_string(
    "batch_size", None, "Examples at a time; by image size if unset; auto for fewer where memory does not allow that."
)
# Of Keras's and NumPy's generators.
MAX_SEED = 2**31 - 1
SEED = flags.DEFINE_integer(
    "seed", 0, "Seed of random targets and of the average case.", lower_bound=0, upper_bound=MAX_SEED
)
OUTPUT_DIR = flags.DEFINE_string(
    "output_dir",
    None,
    "Directory to write into; if unset, the unfinished run of the same configuration in runs/, or runs/<time>.",
)
TENSORBOARD_DIR = flags.DEFINE_string(
    "tensorboard_dir",
    None,
    "Where TensorBoard's event files go, if anywhere: curves of each shard that is attacked, and images. They are "
    "added to what the directory holds; give every run its own to tell their curves apart.",
)
OVERWRITE = flags.DEFINE_bool(
    "overwrite", False, "Replace a run of another configuration in --output_dir; files that are not the run's stay."
)


CLUSTER_NAMES = [holder.name for holder in CLUSTER]
_GROUPS: dict[str, tuple[Holder, ...]] = {
    "Model": (MODEL, WEIGHTS, BOUNDS, DATA_FORMAT, MODEL_OPTIONS),
    "Data": (DATASET, DATA_DIR, SPLIT, DOWNLOAD, RESIZE, ALLOW_OUTSIDE, NUM_IMAGES),
    "Attack": (ATTACK, ATTACK_PARAMETERS, LIST_ATTACKS, TARGETS, GROUPS),
    "Several machines": CLUSTER,
    "Run": (OUTPUT_DIR, OVERWRITE, VERIFY, BATCH_SIZE, SEED, TENSORBOARD_DIR),
}


def options(
    own: Mapping[str, Sequence[Holder]] | None = None, *, without: Iterable[str] = (), **defaults: Any
) -> Options:
    """The shared flags but for those named in `without`, and a program's own by heading, with its defaults."""
    absent = set(without)
    groups = {name: [holder for holder in group if holder.name not in absent] for name, group in _GROUPS.items()}
    last = {name: groups.pop(name) for name in ("Several machines", "Run")}
    for name, holders in (own or {}).items():
        section = last if name in last else groups
        section[name] = [*section.get(name, []), *holders]
    return Options(
        {name: group for name, group in {**groups, **last}.items() if group}, {"num_images": 10, **defaults}, _details
    )


def run_program(main: Callable[[], None], about: str, options: Options) -> None:
    """Runs a program, see `running.run`; or prints what --list_attacks asks for."""

    def main_or_list() -> None:
        from .inputs.attacks import list_attacks

        if LIST_ATTACKS.value:
            print(list_attacks(LIST_ATTACKS.value))
        else:
            main()

    run(main_or_list, about, options)


def _details(arguments: Sequence[str]) -> str | None:
    """The parameters of the attack that is named along with --help."""
    named = [text.partition("=")[2] for text in arguments if text.startswith("--attack=")]
    if not named:
        return None
    import_tensorflow()
    from .inputs.attacks import describe_attack

    return describe_attack(named[-1])


def batch_size() -> int | str | None:
    """The value of --batch_size: a number, "auto" or None."""
    text = BATCH_SIZE.value
    if text is None or text == "auto":
        return text
    if number := whole_number(text):
        return number
    raise InputError(f"expected --batch_size to be a whole number of at least 1, or auto, received {text!r}")


def refuse_unused(program: str, names: Iterable[str]) -> None:
    """Refuses shared flags that mean nothing to `program`, rather than to ignore them."""
    for name in names:
        if flags.FLAGS[name].present:
            raise InputError(f"expected flags of {program}, received --{name}, which it does not use")


def positive_numbers(flag: str, texts: Iterable[str], parse: Callable[[str], _Number]) -> list[_Number]:
    """The values of a list flag as numbers of type `parse`, each once, in the order given.

    Raises:
      InputError: one that is no such number, or is not above 0.
    """
    for text in texts:
        try:
            valid = 0 < parse(text) < math.inf
        except ValueError:
            valid = False
        if not valid:
            kind = "whole numbers" if parse is int else "numbers"
            raise InputError(f"expected --{flag} to be positive {kind}, received {text!r}")
    return list(dict.fromkeys(parse(text) for text in texts))


def arguments(holders: Iterable[flags.FlagHolder[Any]]) -> tuple[str, ...]:
    """The flags as arguments of another program, without those that hold nothing."""
    chosen = [flags.FLAGS[holder.name] for holder in holders]
    # 0 is a value, unlike None, False and an empty list.
    return tuple(flag.serialize() for flag in chosen if flag.value or str(flag.value) == "0")


def tensorboard_dir() -> Path | None:
    """The value of --tensorboard_dir, if it can be one."""
    return tensorboard_directory(TENSORBOARD_DIR.value)


def output_dir(program: str, configuration: dict[str, Any]) -> Path:
    """The value of --output_dir, else the unfinished run of the same configuration in runs/, or a new one there."""
    if OUTPUT_DIR.value is not None:
        return Path(OUTPUT_DIR.value)
    return default_directory(program, configuration, new=OVERWRITE.value)
