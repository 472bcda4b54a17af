"""The networks of `--nets` and `--model`, with their examples and those of other programs."""

import numpy as np
import pytest
from absl import flags
from absl.testing import flagsaver

import tf_strattack as sa
from eval.benchmarks.floor import measure_floors
from eval.benchmarks.net_from_flags import load_net_from_flags
from eval.benchmarks.nets import available, load_net, load_nets


def test_the_network_of_the_model_flag_is_a_net_with_its_own_examples(tmp_path):
    images, labels, _ = sa.shipped.load_sample()
    np.savez(tmp_path / "digits.npz", images=images[:20] * 1.0, labels=labels[:20])
    with flagsaver.flagsaver():
        flags.FLAGS(["benchmark", f"--dataset={tmp_path / 'digits.npz'}", "--targets=random:3"])
        net = load_net_from_flags(7)
    assert (net.name, net.images.shape, net.targets.shape) == ("model", (7, 28, 28, 1), (7,))
    assert (net.targets != net.labels).all()
    (row,) = [row for row in measure_floors([net], [2]) if row["kind"] == "gradient"]
    assert row["net"] == "model"


def test_examples_of_a_net_fill_any_batch(net):
    assert available(None) == ["mnist_cnn"]
    assert len(net.images) == 450
    images, labels, targets = net.examples(460)
    np.testing.assert_array_equal(images[450:], images[:10])
    assert (labels != targets).all()
    assert sorted([*targets[:9], labels[0]]) == list(range(10))
    np.testing.assert_array_equal(net.classifier.predict(images).argmax(axis=1), labels)


def test_nets_of_a_directory_classify_their_examples(shared_networks):
    cases = shared_networks / "cases"
    for net in load_nets([name for name in available(cases) if name.endswith("_cases")], cases):
        images, labels, targets = net.examples(9)
        np.testing.assert_array_equal(net.classifier.predict(images).argmax(axis=1), labels)
        assert (labels != targets).all()
        assert {"authors", "carlini"} <= net.peers.keys()
        assert all(peer.shape == net.images.shape for peer in net.peers.values())


def test_the_images_of_a_peer_have_the_shape_of_the_originals(tmp_path):
    images, targets = np.zeros((2, 4, 4, 1), np.float32), np.ones(2, int)
    np.savez(tmp_path / "mnist_cases.npz", images=images, labels=0 * targets, targets=targets, adv_peer=images[:1])
    with pytest.raises(sa.InputError) as error:
        load_net("mnist_cases", tmp_path)
    path = tmp_path / "mnist_cases.npz"
    assert str(error.value) == f"expected adv_peer of {path} to have the shape (2, 4, 4, 1), received (1, 4, 4, 1)"
