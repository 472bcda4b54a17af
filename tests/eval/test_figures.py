"""Files of figures, of colour images too."""

import matplotlib.image
import numpy as np
import pytest
import tensorflow as tf

import tf_strattack as sa
from eval.figures.examples import draw_examples, draw_heat_maps
from eval.inputs.groups import parse_groups
from tests.builders import brief
from tests.slow import first_quick


@pytest.mark.parametrize("channels", first_quick([2, 3, 5]))
def test_images_of_any_channels_and_failures_are_drawn(tmp_path, channels):
    weights = np.random.default_rng(0).normal(size=(64 * channels, 4)).astype(np.float32)
    classifier = sa.Classifier.from_callable(lambda x: tf.reshape(x, [-1, 64 * channels]) @ weights, bounds=(0, 255))
    images = np.random.default_rng(1).uniform(0, 255, size=(2, 8, 8, channels)).astype(np.float32)
    labels = classifier.predict(images).argmax(axis=1)
    result = brief(2, refine=False)(classifier, images, labels, (labels + 1) % 4)
    draw_examples(tmp_path / "x.png", iter([result]), {0: "$a_$", 1: "$b^$"}, grouping=parse_groups("squares:2"))
    assert (tmp_path / "x.png").stat().st_size > 10_000


@pytest.mark.slow
def test_two_attacks_are_drawn_side_by_side_for_screen_and_print(tmp_path, mnist, digits):
    images, labels, targets = (part[:2] for part in digits)
    pair = {
        "strattack": brief(20, refine=False)(mnist, images, labels, targets),
        "ifgm_l2": sa.IFGM(norm="l2", grid_ratio=1.2)(mnist, images, labels, targets),
    }
    draw_heat_maps(tmp_path / "x.png", pair, {}, grouping=parse_groups("squares:2"))
    picture = matplotlib.image.imread(tmp_path / "x.png")[..., :3]
    assert (tmp_path / "x.pdf").read_bytes().startswith(b"%PDF")
    # On the left the sparse attack leaves more of its heat maps white than the other on the right.
    white = (picture.min(axis=-1) > 0.99).mean(axis=0)
    width = len(white)
    assert white[: width // 6].mean() > white[-width // 5 : -width // 12].mean()
