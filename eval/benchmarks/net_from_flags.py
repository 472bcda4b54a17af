"""The network and the examples that --model and --dataset name, as a net of the benchmark."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tf_strattack import InputError

from .. import flags
from ..inputs.applications import NONE
from ..inputs.examples import Selection, make_shards
from ..inputs.from_flags import data_from_flags, model_from_flags
from ..inputs.targets import UNTARGETED, parse_targets
from .nets import Net

NAME = "model"


def load_net_from_flags(num_examples: int) -> Net:
    """Loads them; of the images that the network classifies correctly as many as make `num_examples`, or all there are.

    Raises:
      InputError: a flag that does not fit.
    """
    model = model_from_flags()
    classifier, targets = model.classifier, parse_targets(flags.TARGETS.value)
    if targets.kind == UNTARGETED:
        raise InputError("expected --targets with targets with --nets=model, received untargeted")
    data = data_from_flags(classifier.image_shape)
    # Read as far as they are needed: an image makes at least one example.
    selection = Selection(data.records, classifier, num_examples, targets, own_labels=flags.WEIGHTS.value == NONE)
    shard = next(make_shards(selection, classifier, targets, rows=num_examples, seed=flags.SEED.value))
    return Net(
        NAME, Path(flags.MODEL.value), 0.0, classifier, shard.images, shard.labels, np.asarray(shard.targets), {}
    )
