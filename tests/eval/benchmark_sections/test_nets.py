"""The networks of `--nets` and `--model`, with their examples and those of other programs."""

import numpy as np
import pytest
from absl import flags
from absl.testing import flagsaver

import tf_strattack as sa
from eval.benchmarks.floor import measure_floors
from eval.benchmarks.net_from_flags import load_net_from_flags
from eval.benchmarks.nets import available, load_nets, read_cases


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


DIGITS, ZEROS = np.zeros((2, 28, 28, 1), np.float32), np.zeros(2, int)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"adv_peer": DIGITS[:1]},
            "expected adv_peer of {path} to have the shape (2, 28, 28, 1), received (1, 28, 28, 1)",
        ),
        (
            {"adv_peer": 254 + DIGITS},
            "expected adv_peer of {path} in the scale of its images, from 0 to 1, received values up to",
        ),
        ({"adv_peer": np.full(DIGITS.shape, "a")}, "expected numbers in adv_peer of {path}, received <U1"),
        ({"targets": ZEROS + 10}, "expected targets from 0 to 9, received 10 in 2 rows, the first is 0 (in {path})"),
        ({"targets": ZEROS - 1}, "expected targets from 0 to 9, received -1 in 2 rows, the first is 0 (in {path})"),
        ({"labels": ZEROS + 0.5}, "expected integer labels, received dtype float64 (in {path})"),
        ({"targets": ZEROS}, "expected targets other than the labels"),
        ({"images": DIGITS + 2}, "expected images within the classifier's bounds"),
        (
            {"images": DIGITS[:0], "labels": ZEROS[:0], "targets": ZEROS[:0], "adv_peer": DIGITS[:0]},
            "expected at least one example in {path}, received images of shape (0, 28, 28, 1)",
        ),
    ],
)
def test_examples_that_are_none_of_the_network_are_refused(mnist, tmp_path, change, message):
    path = tmp_path / "mnist_cases.npz"
    np.savez(path, **{"images": DIGITS, "labels": ZEROS, "targets": ZEROS + 1, "adv_peer": DIGITS, **change})
    with pytest.raises(sa.InputError) as error:
        read_cases(path, mnist)
    assert message.format(path=path) in str(error.value)


def test_a_peer_with_the_name_of_an_attack_has_a_row_of_its_own(mnist, tmp_path):
    names = ["adv_strattack", "adv_cw_l2", "adv_strattack, quantize", "adv_theirs"]
    path = tmp_path / "mnist_cases.npz"
    np.savez(path, images=DIGITS, labels=ZEROS, targets=ZEROS + 1, **dict.fromkeys(names, DIGITS))
    peers = read_cases(path, mnist).peers
    assert list(peers) == ["strattack (peer)", "cw_l2 (peer)", "strattack, quantize (peer)", "theirs"]
