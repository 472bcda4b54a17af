"""Ctrl-C during an attack, which then returns its best so far, ends every section: no row has its figures."""

import dataclasses

import pytest

import tf_strattack as sa
from eval.benchmarks import curves, groups, overhead, pareto, peers
from eval.benchmarks.structured.kept import Kept
from eval.benchmarks.structured.section import measure_structured
from tests.builders import brief
from tests.slow import first_quick
from tf_strattack.attacks.method import Method


@pytest.fixture
def few(net, monkeypatch):
    """A net of two examples, attacks on which end at once as after Ctrl-C."""
    whole = Method.run
    monkeypatch.setattr(
        Method, "run", lambda *given, **options: dataclasses.replace(whole(*given, **options), interrupted=True)
    )
    images = net.images[:2]
    return net._replace(images=images, labels=net.labels[:2], targets=net.targets[:2], peers={"theirs": images})


SECTIONS = {
    "curves": lambda net, directory: curves.measure_curves([net], 2, [2]),
    "peers": lambda net, directory: peers.measure_peers([net]),
    "attacks": lambda net, directory: overhead.measure_attacks([net], {"fgm": sa.FGM()}, [2], 1),
    "structured": lambda net, directory: measure_structured([net], {"s": brief(2)}, [9], 2, None, Kept(directory)),
    "groups": lambda net, directory: groups.measure_groups([net], 2, [9]),
    "pareto": lambda net, directory: pareto.measure_pareto([net], 2, [1.0]),
}


@pytest.mark.parametrize("section", first_quick(SECTIONS, 4))
def test_a_section_ends(few, tmp_path, section):
    with pytest.raises(KeyboardInterrupt):
        SECTIONS[section](few, tmp_path)
    assert not list(tmp_path.iterdir())
