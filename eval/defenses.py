"""Trains networks with defences and attacks them: `python -m eval.defenses --data_dir=DIR`.

Makes two tables, next to the paper's figures (appendix H): adversarial training with the examples of an attack and
other defences, and defensive distillation by temperature. --pgd_epsilon adds the accuracy under PGD. Writes networks,
runs, defenses.md, .csv, .json and report.html into --output_dir. Finished rows are not repeated, and rows can be added
later. --dataset is mnist or cifar10.
"""

from __future__ import annotations

from absl import flags as absl_flags

from tf_strattack.programs.numbers import FractionParser

from . import flags
from .studies.defenses.names import MEMBERS, NOISE_STD

_DEFENSES = absl_flags.DEFINE_list(
    "defenses",
    ["none", "strattack"],
    "Rows of the first table: none, an attack whose examples are added to the training set, pgd, noise (trained on "
    "noisy images), smoothing (the same network, with noise before it when it is attacked), or ensemble.",
)
_TEMPERATURES = absl_flags.DEFINE_list("temperatures", ["1", "10", "40", "100"], "Temperatures of the second table.")
_TRAIN_IMAGES = absl_flags.DEFINE_integer(
    "train_images",
    1000,
    "Number of training images to attack for the examples of adversarial training.",
    lower_bound=1,
)
_EPOCHS = absl_flags.DEFINE_integer(
    "epochs", None, "Epochs of each training; the defaults of training.train if unset.", lower_bound=1
)
_PRECISION = absl_flags.DEFINE_enum(
    "precision", "float32", ["float32", "mixed_bfloat16"], "Arithmetic of training, as in training.train."
)
_PGD_EPSILON = absl_flags.DEFINE(
    FractionParser(),
    "pgd_epsilon",
    None,
    "Also attack every network with PGD (--attack=pgd_linf, untargeted) within this l_inf radius, in [0, 1] scale; no "
    "PGD if unset.",
    serializer=absl_flags.ArgumentSerializer(),
)
_NOISE_STD = absl_flags.DEFINE(
    FractionParser(),
    "noise_std",
    NOISE_STD,
    "Standard deviation of the noise for the rows noise and smoothing, in [0, 1] scale.",
    serializer=absl_flags.ArgumentSerializer(),
)
_MEMBERS = absl_flags.DEFINE_integer("members", MEMBERS, "Networks of the row ensemble.", lower_bound=2)
# The networks are trained here and attacked on the test split, so that flags about models and splits mean nothing.
OPTIONS = flags.options(
    {"Defences": [_DEFENSES, _TEMPERATURES, _TRAIN_IMAGES, _EPOCHS, _PRECISION, _NOISE_STD, _MEMBERS, _PGD_EPSILON]},
    without=[
        "model",
        "weights",
        "bounds",
        "data_format",
        "model_options",
        "split",
        "resize",
        "allow_outside",
        "tensorboard_dir",
    ],
    dataset="mnist",
    num_images=100,
)


def main() -> None:
    """Runs the study of defences that the flags describe."""
    from .studies.defenses.program import Training, study_defenses

    training = Training(_TRAIN_IMAGES.value, _EPOCHS.value, _PRECISION.value, _NOISE_STD.value, _MEMBERS.value)
    study_defenses(_DEFENSES.value, _TEMPERATURES.value, training, pgd_epsilon=_PGD_EPSILON.value)


def cli() -> None:
    """The program."""
    flags.run_program(main, __doc__, OPTIONS)


if __name__ == "__main__":
    cli()
