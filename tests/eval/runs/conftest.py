"""What is written of the shards of a run."""

import pytest

import tf_strattack as sa
from eval.inputs.groups import parse_groups
from eval.runs.work import Work
from tests.builders import plan_of, sample_data


@pytest.fixture(scope="session")
def outcomes(mnist):
    """What is written of the three shards of a plan, in 8 bits."""
    sample = sample_data()
    plan = plan_of(sample, mnist, num_images=5, targets="random:2", shard_size=4)
    work = Work(sa.FGM(norm="linf"), quantize=True, grouping=parse_groups("squares:2"), batch_size=None)
    return plan, [work(mnist, examples) for _, examples in plan.shards(sample, mnist.bounds, range(plan.num_shards))]
