"""Success is what the owner of a network sees: as floats and as bytes, in a batch and alone, whatever the network."""

import numpy as np
import pytest

import tf_strattack as sa
from tests.builders import brief
from tests.tf_strattack.classifiers.networks import CASES
from tf_strattack.classifiers.passing import as_classifier

# It ends at the least size that succeeds, and so close to the boundary.
ATTACK = sa.FGM(norm="l2")
THOROUGH = brief(25, refine=False)
# Images that are also looked at alone.
ALONE = (0, 3)
# Where version 0.2.0 reported successes that were none.
HARD = {
    "quantized_int8_softmax",
    "quantized_int4_softmax",
    "quantized_float8_softmax",
    "bfloat16_softmax",
    "subclass_of_dense_with_its_own_call",
    "mixed_bfloat16_float32_softmax",
    "callable_that_returns_float16",
    "preprocessor_of_its_own",
    "predict_step_of_its_own",
    "sigmoid_of_each_class",
    "another_input_for_each_image",
    "float16_softmax",
}


# Networks that differ little from others of the table; make test-slow has them as well.
SLOW = {
    *(
        f"{policy}_{head}"
        for policy in ("mixed_float16", "float16")
        for head in ("float32_softmax", "float32_softmax_layer", "one_sigmoid")
    ),
    "bfloat16_float32_softmax_layer",
    "bfloat16_float32_softmax",
    "bfloat16_one_sigmoid",
    "mixed_bfloat16_logits",
    "mixed_bfloat16_one_sigmoid",
    "mixed_float16_logits",
    "float64_softmax",
    "quantized_int4_logits",
    "quantized_int8_logits",
    "quantized_float8_logits",
    "softmax_layer_axis_1",
    "activation_sigmoid",
    "softplus",
    "two_softmax",
    "head_without_bias",
    "dropout_before_the_head",
    "batch_normalization",
    "large_logits",
    "tiny_logits",
    "keras_file",
    "hdf5_file",
    "dictionary_of_one_entry",
    "model_of_keras_2_passed_directly",
    "dictionary_of_outputs",
    "another_input_for_each_image_of_an_export",
    "mixed_bfloat16_float32_softmax_layer",
    "list_of_outputs_by_place",
    "functional",
    "log_softmax",
    "softmax_twice",
    "callable_of_one_probability",
    "another_input_the_same_for_all",
}


def test_there_are_at_least_sixty_networks_without_the_slow_ones():
    assert len(set(CASES) - SLOW) >= 60
    assert set(CASES) - SLOW >= HARD


@pytest.mark.filterwarnings("ignore::tf_strattack.errors.InputWarning")
@pytest.mark.parametrize("name", [pytest.param(name, marks=[pytest.mark.slow] * (name in SLOW)) for name in CASES])
def test_success_is_what_the_owner_sees(name, tmp_path):
    made = CASES[name](tmp_path)
    labels = made.owner[0](made.images)
    classifier = as_classifier(made.network)
    np.testing.assert_array_equal(classifier.classify(made.images), labels)
    hard = name in HARD
    targets = (labels + 1) % classifier.num_classes if hard else None
    result = (THOROUGH if hard else ATTACK)(made.network, made.images, labels, targets)
    assert result.clean_correct.all()
    assert result.success.any(), "a test of nothing"
    stored = sa.quantize(made.network, made.images, result.adversarial, labels, targets)
    for found in (result, stored):
        for owner in made.owner:
            seen = owner(found.adversarial)
            np.testing.assert_array_equal(found.success, seen == targets if hard else seen != labels)
        for row in () if made.in_order else ALONE:
            seen = made.owner[-1](found.adversarial[row : row + 1])[0]
            assert found.success[row] == (seen == targets[row] if hard else seen != labels[row])
