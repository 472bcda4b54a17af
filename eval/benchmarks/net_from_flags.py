"""The network of --model and the examples of --dataset or --peers, as a net of the benchmark."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tf_strattack import InputError

from .. import flags
from ..inputs.applications import NONE
from ..inputs.examples import Selection, make_shards
from ..inputs.from_flags import data_from_flags, model_from_flags, model_options
from ..inputs.targets import UNTARGETED, parse_targets
from . import flags as own
from .nets import Net, read_cases

NAME = "model"


def load_net_from_flags(num_examples: int) -> Net:
    """Loads the network, and examples: those of --peers, or correctly classified images for `num_examples` examples.

    They are fewer if the data set has fewer images.

    Raises:
      InputError: a flag that does not fit.
    """
    model = model_from_flags()
    named = NAME, Path(model.name), model.sha256, 0.0
    classifier, targets = model.classifier, parse_targets(flags.TARGETS.value)
    if own.PEERS.value is not None:
        return Net(*named, classifier, *read_cases(Path(own.PEERS.value), classifier), model_options())
    if targets.kind == UNTARGETED:
        raise InputError("expected target classes in --targets with --nets=model, received untargeted")
    data = data_from_flags(classifier.image_shape)
    # An image makes at least one example, so no more than `num_examples` images are read.
    selection = Selection(data.records, classifier, num_examples, targets, own_labels=flags.WEIGHTS.value == NONE)
    shard = next(make_shards(selection, classifier, targets, rows=num_examples, seed=flags.SEED.value))
    return Net(*named, classifier, shard.images, shard.labels, np.asarray(shard.targets), {}, model_options())
