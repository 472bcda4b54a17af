"""The flags of training.train."""

from __future__ import annotations

from absl import flags as absl_flags

from tf_strattack.programs.numbers import FractionParser

DATASET = absl_flags.DEFINE_enum("dataset", "mnist", ["cifar10", "mnist"], "Data set to train on.")
NET = absl_flags.DEFINE_enum(
    "net", "cnn", ["cnn", "resnet20"], "The four-convolution network of the data set, or ResNet-20."
)
DATA_DIR = absl_flags.DEFINE_string("data_dir", None, "Directory of prepared TFDS data sets.")
DOWNLOAD = absl_flags.DEFINE_bool("download", False, "Let TFDS download a data set that is missing.")
VARIANT = absl_flags.DEFINE_enum(
    "variant",
    "standard",
    ["standard", "distilled", "adversarial", "pgd", "noise", "ensemble"],
    "How the network is defended.",
)
TEMPERATURE = absl_flags.DEFINE_float("temperature", None, "Temperature of --variant=distilled, above 0.")
ADVERSARIAL_DATASET = absl_flags.DEFINE_string(
    "adversarial_dataset", None, "Run directory of eval.generate or eval.attack, for --variant=adversarial."
)
EPSILON = absl_flags.DEFINE(
    FractionParser(),
    "epsilon",
    None,
    "Radius of --variant=pgd in [0, 1] scale; 0.3 for mnist, 8/255 for cifar10 if unset.",
    serializer=absl_flags.ArgumentSerializer(),
)
PGD_STEPS = absl_flags.DEFINE_integer("pgd_steps", None, "Attack steps of --variant=pgd; 7 if unset.")
PGD_STEP_SIZE = absl_flags.DEFINE_float(
    "pgd_step_size", None, "Length of an attack step; 2.5 epsilon / steps if unset."
)
NOISE_STD = absl_flags.DEFINE(
    FractionParser(),
    "noise_std",
    None,
    "Standard deviation of the noise of --variant=noise, in [0, 1] scale; 0.25 if unset.",
    serializer=absl_flags.ArgumentSerializer(),
)
MEMBERS = absl_flags.DEFINE_integer(
    "members", None, "Networks of --variant=ensemble, at least 2; 3 if unset.", lower_bound=2
)
EPOCHS = absl_flags.DEFINE_integer(
    "epochs", None, "Passes over the training split; 12 for mnist, 40 for cifar10 if unset.", lower_bound=1
)
BATCH_SIZE = absl_flags.DEFINE_integer("batch_size", 128, "Images per step.", lower_bound=1)
LEARNING_RATE = absl_flags.DEFINE_float("learning_rate", 1e-3, "Initial rate of Adam; decays to 0 along a cosine.")
PRECISION = absl_flags.DEFINE_enum(
    "precision",
    "float32",
    ["float32", "mixed_bfloat16"],
    "Arithmetic of training; bfloat16 is faster on processors that support it. The saved network is float32.",
)
SEED = absl_flags.DEFINE_integer(
    "seed",
    0,
    "Seed of initial weights, order, augmentation, dropout, noise and attacks.",
    lower_bound=0,
    upper_bound=2**31 - 2,
)
OUTPUT = absl_flags.DEFINE_string("output", None, "The .keras file to write; DATASET_NET.keras if unset.")
TENSORBOARD_DIR = absl_flags.DEFINE_string("tensorboard_dir", None, "Also write TensorBoard logs to this directory.")
OVERWRITE = absl_flags.DEFINE_bool("overwrite", False, "Replace an existing output file, or an unfinished training.")
