"""The envelope: any run can improve it, and none can falsify it."""

import dataclasses

import numpy as np
import pytest

import tf_strattack as sa
from eval.benchmarks.structured.entries import Entry, Key, better
from eval.benchmarks.structured.envelope import improve
from eval.benchmarks.structured.envelope_file import read
from eval.benchmarks.structured.examples import Examples


def values_of(entries):
    return {key: entry.value for key, entry in entries.items()}


def test_a_run_improves_the_envelope_and_never_worsens_it(net, examples, rough, fine, tmp_path):
    path = tmp_path / "envelope.npz"
    first = improve(path, examples.keys(4), examples.entries(rough), examples.held)
    after = improve(path, examples.keys(4), examples.entries(fine), examples.held)
    again = improve(path, examples.keys(4), examples.entries(rough), examples.held)
    stored = read(path)
    expected = better(examples.entries(rough), examples.entries(fine))
    assert values_of(first) == values_of(examples.entries(rough))
    assert values_of(after) == values_of(again) == values_of(stored) == values_of(expected)
    assert values_of(first) != values_of(after)
    for key, entry in stored.items():
        assert entry.found_by == "by hand"
        np.testing.assert_array_equal(entry.adversarial, expected[key].adversarial)


@pytest.mark.parametrize("fault", ["value", "success", "bounds", "shape", "not a number"])
def test_an_entry_that_does_not_hold_counts_for_nothing_and_is_replaced(net, examples, fine, tmp_path, fault):
    path, true = tmp_path / "envelope.npz", examples.entries(fine)
    key = next(key for key in true if key.measure == "l2")
    false = {
        "value": dataclasses.replace(true[key], value=0.5 * true[key].value),
        "success": Entry(0.0, net.images[0], "nobody"),
        "bounds": Entry(0.1, true[key].adversarial - 3.0, "nobody"),
        "shape": Entry(0.1, np.zeros((2, 2, 1), np.float32), "nobody"),
        "not a number": Entry(0.1, np.full_like(net.images[0], np.nan), "nobody"),
    }[fault]
    improve(path, [], {**true, key: false}, set)  # written by a program that does not verify
    assert read(path)[key].value == false.value
    best = improve(path, examples.keys(4), true, examples.held)
    assert best[key].value == true[key].value
    assert read(path)[key].value == true[key].value


def test_entries_of_other_networks_stay_as_they_are(examples, fine, tmp_path):
    path, other = tmp_path / "envelope.npz", Key("another", "image", -1, "squares", "l2")
    foreign = {other: Entry(0.5, np.ones((3, 5, 2), np.float32), "somebody")}
    improve(path, [], foreign, set)
    improve(path, examples.keys(4), examples.entries(fine), examples.held)
    stored = read(path)
    assert stored[other].value == 0.5
    np.testing.assert_array_equal(stored[other].adversarial, np.ones((3, 5, 2)))
    assert stored.keys() == {other, *examples.entries(fine)}


def test_what_improves_nothing_leaves_the_file_alone(examples, fine, rough, tmp_path):
    path = tmp_path / "envelope.npz"
    improve(path, examples.keys(4), better(examples.entries(fine), examples.entries(rough)), examples.held)
    before = path.stat()
    improve(path, examples.keys(4), examples.entries(rough), examples.held)
    assert (path.stat().st_ino, path.stat().st_mtime_ns) == (before.st_ino, before.st_mtime_ns)


@pytest.mark.parametrize("solved", [[], [0]])
def test_entries_of_examples_that_a_run_does_not_solve_count_and_are_verified_too(examples, fine, tmp_path, solved):
    path, true = tmp_path / "envelope.npz", examples.entries(fine)
    last = examples.keys(4)[-6:]
    false = {key: dataclasses.replace(true[key], value=0.5 * true[key].value) for key in last}
    improve(path, [], {**true, **false}, set)
    found = {key: entry for key, entry in true.items() if key in [examples.keys(4)[6 * place] for place in solved]}
    best = improve(path, examples.keys(4), found, examples.held)
    assert values_of(best) == values_of(read(path)) == {k: e.value for k, e in true.items() if k not in last}
    assert len(best) == 3 * 6


def test_a_file_in_which_nothing_holds_becomes_empty(examples, fine, tmp_path):
    path = tmp_path / "envelope.npz"
    improve(path, [], {key: dataclasses.replace(e, value=0.0) for key, e in examples.entries(fine).items()}, set)
    assert improve(path, examples.keys(4), {}, examples.held) == {}
    assert read(path) == {}
    assert improve(path, examples.keys(4), examples.entries(fine), examples.held)


def test_the_same_file_in_another_scale_is_another_network(net, examples, fine, tmp_path):
    path = tmp_path / "envelope.npz"
    improve(path, examples.keys(4), examples.entries(fine), examples.held)
    wide = sa.Classifier.from_callable(lambda images: net.classifier.logits(images / 2), bounds=(0.0, 2.0))
    for other in (net._replace(classifier=wide), net._replace(shift=0.5), net._replace(options={"outputs": "logits"})):
        assert not set(Examples(other).keys(4)) & set(examples.keys(4))
    improve(path, Examples(net._replace(classifier=wide)).keys(4), {}, set)
    assert values_of(read(path)) == values_of(examples.entries(fine))


def test_a_link_leads_to_the_file_and_permissions_stay(examples, rough, fine, tmp_path):
    path = tmp_path / "envelope.npz"
    improve(path, examples.keys(4), examples.entries(rough), examples.held)
    path.chmod(0o640)
    link = tmp_path / "mine" / "link.npz"
    link.parent.mkdir()
    link.symlink_to(path)
    best = improve(link, examples.keys(4), examples.entries(fine), examples.held)
    assert link.is_symlink()
    assert values_of(read(path)) == values_of(best) != values_of(examples.entries(rough))
    assert path.stat().st_mode & 0o777 == 0o640
    assert (tmp_path / "lock.envelope.npz").exists()  # of all runs that use the file
