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
    "For a network of keras.applications: imagenet (the default; downloaded), a file, or none for random weights, to "
    "measure the cost of an attack. With random weights the network's predictions serve as labels.",
)
BOUNDS = flags.DEFINE_list("bounds", ["0", "1"], "Lowest and highest pixel value of the model's input.")
DATA_FORMAT = flags.DEFINE_enum(
    "data_format",
    None,
    ["channels_last", "channels_first", "series", "volumes"],
    "Layout of the model's input: where its channels are, if the model does not say so itself, or that it takes series "
    "(steps, channels) or volumes (depth, height, width, channels). Images of the data set are always (height, width, "
    "channels): series have a height of 1, volumes have their slices stacked along the height.",
)
MODEL_OPTIONS = flags.DEFINE_list(
    "model_options",
    [],
    "For a model file or directory: output=NAME or INDEX of the class scores; outputs=logits, probabilities or "
    "sigmoid; signature=NAME of a SavedModel.",
)
DATASET = flags.DEFINE_string(
    "dataset",
    "sample",
    "sample (shipped MNIST test digits), a TFDS name, a folder of images with labels.csv or with one sub-folder per "
    "class, or an .npz file.",
)
DATA_DIR = flags.DEFINE_string("data_dir", None, "Directory of prepared TFDS data sets.")
RESIZE = flags.DEFINE_string(
    "resize",
    "auto",
    "Resize images to this shorter side in pixels, then crop the centre; none to leave them; or auto: image files, and "
    "data sets with images of different sizes, are resized so that the model's size is 87.5 % of the shorter side "
    "(images that have the model's size already are left as they are).",
)
ALLOW_OUTSIDE = flags.DEFINE_bool(
    "allow_outside", False, "Allow labels.csv or links in a folder of images to refer to files outside the folder."
)
SPLIT = flags.DEFINE_string(
    "split", "test", "Split of a TFDS data set, or of an .npz file with x_train, y_train, x_test, y_test."
)
DOWNLOAD = flags.DEFINE_bool("download", False, "Let TFDS download a data set that is missing.")
ATTACK = flags.DEFINE_string(
    "attack",
    "strattack",
    "The attack; --list_attacks prints all of them. attack, imagenet, generate and acceptance also take one of your "
    "own: package.module:ClassName, a class that derives from tf_strattack.Attack.",
)
ATTACK_PARAMETERS = flags.DEFINE_list("attack_parameters", [], "Hyper-parameters: name=value,name=value.")
LIST_ATTACKS: Holder = flags.DEFINE_flag(
    # absl lets only boolean flags stand without a value.
    flags.Flag(
        flags.ArgumentParser(),
        flags.ArgumentSerializer(),
        "list_attacks",
        None,
        "Print the attacks, or with =NAME the parameters of one attack, and exit.",
        boolean=True,
    )
)
GROUPS = flags.DEFINE_string(
    "groups",
    "squares:2",
    "Groups of pixels, for strattack and sigma_zero_groups, and for counting the changed groups of any attack: "
    "squares:2, squares:3,2 (side, stride), superpixels:64 (about 64 per image), rows, columns, channels, channels:2 "
    "(squares within each channel), or file:MAPS.npz.",
)
TRANSFORM = flags.DEFINE_list(
    "transform",
    [],
    "Random changes of an image before the network sees it: noise:0.25, brightness:0.1, shift:2, resize_pad:0.85, "
    "jpeg:60:95, or several with commas. An example then counts as a success if it fools the network on at least 90 "
    "of 100 random draws. Each evaluation of the network in the attack takes 16 draws, and counts as 16.",
)
NUM_IMAGES = flags.DEFINE_integer(
    "num_images",
    None,
    "Number of images to attack, all if unset; misclassified images are skipped and not counted.",
    lower_bound=1,
)
TARGETS = flags.DEFINE_string(
    "targets",
    "all",
    "Target classes of each image: all (every other class), random (one), random:3 (three), class:3 (class 3), "
    "least_likely (the class with the lowest score), or untargeted (any other class will do).",
)
BATCH_SIZE = flags.DEFINE_string(
    "batch_size",
    None,
    "Examples per batch; depends on the image size if unset; auto chooses fewer if memory is short.",
)
# The largest seed that both Keras's and NumPy's generators take.
MAX_SEED = 2**31 - 1
SEED = flags.DEFINE_integer(
    "seed", 0, "Seed of random targets, of the average case, and of --transform.", lower_bound=0, upper_bound=MAX_SEED
)
OUTPUT_DIR = flags.DEFINE_string(
    "output_dir",
    None,
    "Directory to write to; if unset, runs/<time>, or the directory in runs/ of an unfinished run of the same "
    "configuration.",
)
TENSORBOARD_DIR = flags.DEFINE_string(
    "tensorboard_dir",
    None,
    "Also write TensorBoard event files to this directory: curves and images of each shard that is attacked. They are "
    "added to what the directory holds; use a new directory per run to keep the curves of runs apart.",
)
OVERWRITE = flags.DEFINE_bool(
    "overwrite",
    False,
    "Replace a run of another configuration in --output_dir; files that no run wrote are kept.",
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
    """The flags of a program: the shared ones except those named in `without`, and its `own` by heading.

    `defaults` override the defaults of shared flags.
    """
    absent = set(without)
    groups = {name: [holder for holder in group if holder.name not in absent] for name, group in _GROUPS.items()}
    last = {name: groups.pop(name) for name in ("Several machines", "Run")}
    for name, holders in (own or {}).items():
        section = last if name in last else groups
        section[name] = [*section.get(name, []), *holders]
    return Options(
        {name: group for name, group in {**groups, **last}.items() if group}, {"num_images": 10, **defaults}, _details
    )


def run_program(main: Callable[[], int | None], about: str, options: Options) -> None:
    """Runs a program, see `running.run`; with --list_attacks prints the attacks instead."""

    def main_or_list() -> int | None:
        from .inputs.attacks import list_attacks

        if not LIST_ATTACKS.value:
            return main()
        print(list_attacks(LIST_ATTACKS.value))
        return None

    run(main_or_list, about, options)


def _details(arguments: Sequence[str]) -> str | None:
    """The parameters of the attack that is named next to --help."""
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
    """Refuses shared flags that `program` does not use, instead of ignoring them."""
    for name in names:
        if flags.FLAGS[name].present:
            raise InputError(f"expected flags of {program}, received --{name}, which it does not use")


def positive_numbers(flag: str, texts: Iterable[str], parse: Callable[[str], _Number]) -> list[_Number]:
    """The values of a list flag as numbers of type `parse`, without duplicates, in the order given.

    Raises:
      InputError: a value is not such a number, or not above 0.
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
    """The flags as arguments for another program, without those that are unset."""
    chosen = [flags.FLAGS[holder.name] for holder in holders]
    # 0 is a value, unlike None, False and an empty list.
    return tuple(flag.serialize() for flag in chosen if flag.value or str(flag.value) == "0")


def tensorboard_dir() -> Path | None:
    """The value of --tensorboard_dir; refuses a place that cannot be a directory."""
    return tensorboard_directory(TENSORBOARD_DIR.value)


def output_dir(program: str, configuration: dict[str, Any]) -> Path:
    """The value of --output_dir; if unset, an unfinished run of the same configuration in runs/, or a new directory."""
    if OUTPUT_DIR.value is not None:
        return Path(OUTPUT_DIR.value)
    return default_directory(program, configuration, new=OVERWRITE.value)
