"""Trains the network of a data set: `python -m training.train --dataset=mnist --output=FILE.keras`.

Writes the network and, beside it, a model card (JSON) with its test accuracy, seed, epochs and versions.
"""

from __future__ import annotations

from pathlib import Path

import keras
import tensorflow as tf
from absl import flags

from eval.program import require_new, run
from tf_strattack.errors import InputError
from training.card import write_card
from training.data import load_splits
from training.nets import NETS

_DATASET = flags.DEFINE_enum("dataset", "mnist", sorted(NETS), "Data set to train on.")
_DATA_DIR = flags.DEFINE_string("data_dir", None, "Directory of prepared TFDS data sets.")
_DOWNLOAD = flags.DEFINE_bool("download", False, "Let TFDS download what is missing.")
_EPOCHS = flags.DEFINE_integer("epochs", 30, "Passes over the training split.", lower_bound=1)
_BATCH_SIZE = flags.DEFINE_integer("batch_size", 128, "Images per step.", lower_bound=1)
_LEARNING_RATE = flags.DEFINE_float("learning_rate", 1e-3, "Initial rate of Adam; decays to 0 as a cosine.")
_SEED = flags.DEFINE_integer("seed", 0, "Seed of initial weights, order and dropout.", lower_bound=0)
_OUTPUT = flags.DEFINE_string("output", None, "The .keras file to write.")
_OVERWRITE = flags.DEFINE_bool("overwrite", False, "Replace an existing output file.")


def main() -> None:
    """Trains, tests, and writes the network with its card."""
    output = Path(_OUTPUT.value or f"{_DATASET.value}_cnn.keras")
    card_path = output.with_suffix(".json")
    if output.suffix != ".keras":
        raise InputError(f"expected --output to end in .keras, received {output}")
    for path in (output, card_path):
        require_new(path, overwrite=_OVERWRITE.value)
    keras.utils.set_random_seed(_SEED.value)
    tf.config.experimental.enable_op_determinism()
    train, test = load_splits(
        _DATASET.value,
        data_dir=_DATA_DIR.value,
        download=_DOWNLOAD.value,
        batch_size=_BATCH_SIZE.value,
        seed=_SEED.value,
    )
    model = NETS[_DATASET.value]()
    steps = _EPOCHS.value * int(train.cardinality())
    model.compile(
        optimizer=keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(_LEARNING_RATE.value, steps)),
        loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
        jit_compile=False,  # XLA is slower than the plain graph for this network on CPU
    )
    model.fit(train, validation_data=test, epochs=_EPOCHS.value, shuffle=False, verbose=2)
    accuracy = model.evaluate(test, verbose=0, return_dict=True)["accuracy"]
    output.parent.mkdir(parents=True, exist_ok=True)
    trained = NETS[_DATASET.value]()  # not compiled: the optimizer's state would treble the file
    trained.set_weights(model.get_weights())
    trained.save(output)
    card = write_card(
        card_path,
        model=model.name,
        dataset=_DATASET.value,
        variant="standard",
        test_accuracy=accuracy,
        epochs=_EPOCHS.value,
        batch_size=_BATCH_SIZE.value,
        learning_rate=_LEARNING_RATE.value,
        seed=_SEED.value,
        input="float32 (N, 28, 28, 1) in [0, 1]",
        output="10 logits",
    )
    print(f"{output}: test accuracy {card['test_accuracy']:.4f}")


if __name__ == "__main__":
    run(main)
