"""The images of a report: coded in 8 bits, embedded once, and made smaller where they do not fit."""

import base64
import io

import numpy as np
import pytest
from PIL import Image

from eval.report.images import BUDGET, code_example, embed
from tests.reports import GROUP_SIZE, MASK, batch, shared_originals
from tf_strattack.drawing import group_means


def pixels(address):
    """The picture behind a data: address."""
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(address.partition(",")[2]))))


@pytest.mark.parametrize("shape", [(6, 6, 1), (7, 5, 3)])
def test_a_coded_perturbation_is_within_half_a_step_and_zero_is_exact(shape):
    examples = batch(4, shape, 0)
    for original, delta in zip(examples.originals, examples.delta, strict=True):
        coded = code_example(original, delta, "x", MASK)
        back = (coded.change.astype(float) - 128) / 127 * coded.limit
        assert np.abs(back - delta).max() <= coded.limit / 254 + 1e-6
        np.testing.assert_array_equal(back == 0, np.abs(delta) < coded.limit / 254)
        np.testing.assert_allclose(coded.original / 255, original, atol=1e-6)
        means = group_means(delta, GROUP_SIZE)
        np.testing.assert_allclose(coded.groups / 255 * coded.group_limit, means, atol=coded.group_limit / 500)


def coded(rows, shape):
    examples = shared_originals(batch(rows, shape, 1))
    parts = zip(examples.originals, examples.delta, examples.image_ids, strict=True)
    return [code_example(original, delta, name, MASK) for original, delta, name in parts]


def test_small_images_are_embedded_exactly_and_an_original_once():
    examples = coded(6, (8, 8, 3))
    embedded = embed(examples, BUDGET)
    assert (embedded["factor"], embedded["exact"], len(embedded["originals"])) == (1, True, 3)
    for example, row in zip(examples, embedded["examples"], strict=True):
        np.testing.assert_array_equal(pixels(row["change"]), example.change)
        np.testing.assert_array_equal(pixels(embedded["originals"][row["original"]]), example.original)


def test_what_does_not_fit_is_averaged_over_blocks():
    examples = coded(6, (31, 30, 3))
    budget = 6000
    embedded = embed(examples, budget)
    factor = embedded["factor"]
    assert factor > 1
    assert sum(len(row["change"]) + len(row["groups"] or "") for row in embedded["examples"]) < budget
    for example, row in zip(examples, embedded["examples"], strict=True):
        small = pixels(row["change"])
        for i in range(small.shape[0]):
            for j in range(small.shape[1]):
                block = example.change[i * factor : (i + 1) * factor, j * factor : (j + 1) * factor].astype(float)
                assert np.abs(small[i, j] - block.mean(axis=(0, 1))).max() <= 0.5 + 1e-4


def test_group_means_that_would_fill_the_page_are_left_out():
    plain = np.full((40, 40, 1), 128, np.uint8)
    examples = [one._replace(change=plain, original=plain) for one in coded(6, (40, 40, 1))]
    assert embed(examples, BUDGET)["examples"][0]["groups"] is not None
    embedded = embed(examples, 4000)
    assert embedded["factor"] == 1
    assert embedded["examples"][0]["groups"] is None
