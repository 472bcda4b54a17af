"""The reported line of a message of Keras or TensorFlow is the one that names the cause."""

import keras
import pytest
import tensorflow as tf

from tf_strattack.errors import InputError
from tf_strattack.runtime.causes import cause_of, in_one_line, out_of_memory


class Inner(keras.layers.Layer):
    def call(self, images):
        return tf.reshape(images, [-1, 7])


class Outer(keras.Model):
    def __init__(self):
        super().__init__()
        self.inner = Inner()

    def call(self, images):
        return self.inner(images)


def raised_by(function):
    with pytest.raises(Exception) as error:
        function(tf.ones((16, 6, 6, 1)))
    return error.value


COLOUR = keras.Sequential([keras.layers.Input((8, 8, 3)), keras.layers.Conv2D(3, 3)])


@pytest.mark.parametrize(
    ("function", "cause"),
    [
        (lambda x: COLOUR(x), "expected axis -1 of input shape to have value 3, but received input with shape"),
        (lambda x: Outer()(x), "Input to reshape is a tensor with 576 values, but the requested shape requires a mult"),
        (lambda x: tf.matmul(x[:, 0, :, 0], x[:, 0, :5, 0]), "Matrix size-incompatible: In[0]: [16,6], In[1]: [16,5]"),
    ],
)
@pytest.mark.parametrize("compile", [False, True])
def test_the_cause_is_found_in_eager_and_compiled_errors(function, cause, compile):
    said = cause_of(raised_by(tf.function(function) if compile else function))
    assert "\n" not in said
    assert "Exception encountered" not in said
    assert "node" not in said.split("'")[0]
    assert "\x1b" not in said
    if compile:  # TensorFlow says it otherwise when it infers shapes
        assert said
    else:
        assert cause in said


def test_an_error_while_a_graph_runs():
    @tf.function(input_signature=[tf.TensorSpec([None, None])])
    def graph(x):
        return tf.matmul(x, tf.ones((3, 2)))

    with pytest.raises(tf.errors.InvalidArgumentError) as error:
        graph(tf.ones((2, 5)))
    assert cause_of(error.value).startswith("Matrix size-incompatible: In[0]: [2,5], In[1]: [3,2]")


HUGGING_FACE = """Exception encountered when calling layer 'patch_embeddings' (type TFViTPatchEmbeddings).

Input image size (28*28) doesn't match model (224*224).

Call arguments received by layer 'patch_embeddings' (type TFViTPatchEmbeddings):
  • pixel_values=tf.Tensor(shape=(16, 1, 28, 28), dtype=float32)"""
NESTED = f'in user code:\n\n    File "a.py", line 3, in call  *\n        x = f(x)\n\n    ValueError: {HUGGING_FACE}\n'


@pytest.mark.parametrize("message", [HUGGING_FACE, NESTED])
def test_a_message_of_keras_2(message):
    assert cause_of(ValueError(message)) == "Input image size (28*28) doesn't match model (224*224)."


def test_an_error_without_a_message_is_named():
    assert cause_of(KeyError()) == "KeyError"
    assert cause_of(ValueError("plain")) == "plain"


def test_memory_that_is_short_is_known():
    assert out_of_memory(MemoryError())
    assert out_of_memory(tf.errors.ResourceExhaustedError(None, None, "OOM"))
    assert not out_of_memory(ValueError("x"))


@pytest.mark.parametrize(
    ("error", "line"),
    [
        (
            RuntimeError("it is lost\nand found"),
            "expected a network without errors, received: it is lost",
        ),
        (InputError("expected this, received that"), "expected this, received that"),
    ],
)
def test_what_python_code_within_a_program_raises_is_one_line(error, line):
    def fail(values):
        raise error

    program = in_one_line(tf.function(lambda x: tf.numpy_function(fail, [x], tf.float32), autograph=False))
    with pytest.raises(InputError) as raised:
        program(tf.zeros(1))
    assert str(raised.value) == line


@pytest.mark.parametrize(
    ("operation", "kind"),
    [
        (lambda x: tf.gather(x, tf.cast(x[0], tf.int32) + 7), tf.errors.InvalidArgumentError),
        (lambda x: tf.numpy_function(exhausted, [x], tf.float32), tf.errors.ResourceExhaustedError),
    ],
)
def test_other_errors_of_a_program_stay_as_they_are(operation, kind):
    with pytest.raises(kind):
        in_one_line(tf.function(operation, autograph=False))(tf.zeros(1))


def exhausted(values):
    raise MemoryError("no memory")
