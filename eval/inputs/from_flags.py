"""The network and the data set that the shared flags describe."""

from __future__ import annotations

from typing import Any

from tf_strattack import InputError
from tf_strattack.programs.numbers import number

from .. import flags
from .datasets import Data, read_dataset
from .models import Model, load_model, parse_options


def bounds() -> tuple[float, float]:
    """The value of --bounds."""
    try:
        low, high = map(number, flags.BOUNDS.value)
    except ValueError:
        raise InputError(f"expected --bounds=lower,upper, received {','.join(flags.BOUNDS.value)!r}") from None
    return low, high


def model_options() -> dict[str, Any]:
    """The values of --model_options and --data_format, as far as they are set."""
    layout = {} if flags.DATA_FORMAT.value is None else {"data_format": flags.DATA_FORMAT.value}
    return {**parse_options(flags.MODEL_OPTIONS.value), **layout}


def model_from_flags(name: str | None = None) -> Model:
    """Loads the model that the flags describe; `name` replaces --model.

    Raises:
      InputError: a flag that does not fit.
    """
    given: dict[str, Any] = {"weights": flags.WEIGHTS.value, "seed": flags.SEED.value, "options": model_options()}
    return load_model(name or flags.MODEL.value, bounds(), **given)


def data_from_flags(
    image_shape: tuple[int | None, ...] | None, dataset: str | None = None, split: str | None = None
) -> Data:
    """Opens the data set that the flags describe, for a network of images of `image_shape`.

    `dataset` and `split` replace the flags of these names.

    Raises:
      InputError: a flag that does not fit.
    """
    name = dataset or flags.DATASET.value
    data = read_dataset(
        name,
        data_dir=flags.DATA_DIR.value,
        split=split or flags.SPLIT.value,
        download=flags.DOWNLOAD.value,
        image_shape=image_shape,
        resize=flags.RESIZE.value,
        allow_outside=flags.ALLOW_OUTSIDE.value,
    )
    if data.split is None and flags.SPLIT.present and flags.SPLIT.value != flags.SPLIT.default:
        raise InputError(
            f"expected --split with a TFDS data set, or with an .npz file of Keras's arrays, received "
            f"--split={flags.SPLIT.value} with {name}, which has none: leave --split out"
        )
    return data
