"""The search of c on attacks that succeed above a known c."""

import numpy as np

from tf_strattack.solvers.search import Bracket


def test_each_example_finds_its_own_threshold():
    thresholds = np.array([0.003, 0.5, 1.0, 40.0, 3000.0])
    bracket, best = Bracket(5, 1.0), np.full(5, np.inf)
    for _ in range(16):
        succeeded = bracket.c >= thresholds
        best = np.where(succeeded, np.minimum(best, bracket.c), best)
        bracket.update(succeeded)
    np.testing.assert_array_less(thresholds - 1e-12, best)
    np.testing.assert_array_less(best, thresholds * 1.01)


def test_the_first_moves_are_the_documented_ones():
    bracket = Bracket(2, 1.0)
    bracket.update(np.array([True, False]))
    np.testing.assert_allclose(bracket.c, [0.1, 10.0])
    bracket.update(np.array([False, True]))
    np.testing.assert_allclose(bracket.c, [np.sqrt(0.1), np.sqrt(10.0)])


def test_an_example_that_never_succeeds_keeps_growing():
    bracket = Bracket(1, 1.0)
    for _ in range(3):
        bracket.update(np.array([False]))
    assert bracket.c[0] == 1000.0
