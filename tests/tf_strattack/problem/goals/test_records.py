"""A model in place of its goal, and the goal that a result records."""

import numpy as np

import tf_strattack as sa
from tf_strattack.problem.goals.misclassify import as_goal


def test_a_goal_and_the_classifier_of_a_model_are_the_same(networks):
    goal = as_goal(networks[0])
    assert goal == sa.Misclassify(networks[0])
    assert as_goal(goal) is goal


def test_a_result_records_its_goal(networks, images):
    labels = networks[0].classify(images)
    goal = sa.Expectation(sa.AnyOf(networks[:2]), sa.transformations.Brightness(0.05), samples=4, seed=7, draws=8)
    result = sa.FGM()(goal, images, labels)
    assert result.attack["goal"] == {
        "class": "Expectation",
        "goal": {"class": "AnyOf", "members": [{"class": "Misclassify"}] * 2},
        "transform": {"class": "Brightness", "amount": 0.05},
        "samples": 4,
        "seed": 7,
        "threshold": 0.9,
        "draws": 8,
    }
    on = np.eye(4, dtype=bool)[labels]
    many = sa.FGM()(sa.MultiLabel(networks[0], on=on), images, labels).attack["goal"]
    assert many["on"]["shape"] == [8, 4]
    assert len(many["on"]["sha256"]) == 64
    assert "goal" not in sa.FGM()(networks[0], images, labels).attack
