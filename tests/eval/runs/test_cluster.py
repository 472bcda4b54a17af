"""Networks packed for workers, and failures of workers."""

import keras
import numpy as np
import pytest

import tf_strattack as sa
from eval.inputs.models import load_model
from eval.runs import cluster
from eval.runs.packed_model import PackedModel
from tf_strattack.errors import InputError


def test_a_network_survives_the_way_to_a_worker(mnist, tmp_path):
    images, _, _ = sa.shipped.load_sample()
    path = tmp_path / "net.keras"
    path.write_bytes(sa.shipped.model_path("mnist_cnn").read_bytes())
    for name in ("mnist_cnn", str(path)):
        packed_model = PackedModel.pack(load_model(name, (0.0, 1.0)), None, 0)
        assert bool(packed_model.files) == (name != "mnist_cnn")
        there = packed_model.unpack()
        np.testing.assert_array_equal(there.predict(images[:20]), mnist.predict(images[:20]))
    with pytest.raises(InputError, match="expected the network mnist_cnn on every node, received another one"):
        packed_model._replace(name="mnist_cnn", sha256="0").unpack()


def test_a_saved_model_survives_the_way_to_a_worker(mnist, tmp_path):
    images, _, _ = sa.shipped.load_sample()
    keras.saving.load_model(sa.shipped.model_path("mnist_cnn")).export(tmp_path / "saved", verbose=False)
    model = load_model(str(tmp_path / "saved"), (0.0, 1.0))
    there = PackedModel.pack(model, None, 0).unpack()
    np.testing.assert_allclose(there.predict(images[:20]), mnist.predict(images[:20]), atol=1e-4)


def test_failures_of_workers_become_one_line():
    mistake = cluster._failure(InputError("expected a batch that fits in memory, received 9 images"))
    assert str(mistake).startswith("expected a batch that fits in memory")
    other = cluster._failure(ZeroDivisionError("division by zero\n  at line 3"))
    assert "ZeroDivisionError: division by zero; finished shards are kept" in str(other)
