"""Generation on Ray: the same data set as on one machine, also when a node dies, and faster with more workers."""

import signal
import subprocess
import sys
import time

import psutil
import pytest

from tests.directories import check_equal
from tests.programs import PATIENCE, ROOT, run_program, start

ray = pytest.importorskip("ray", reason="needs the extra ray")
pytestmark = pytest.mark.slow

ARGUMENTS = ["--num_images=20", "--targets=random:4", "--shard_size=4", "--quantize=uint8", "--format=tfds,parquet"]


@pytest.fixture(scope="module")
def local(tmp_path_factory):
    """The generation without Ray."""
    directory = tmp_path_factory.mktemp("local") / "out"
    status, _, err = run_program("eval.generate", *ARGUMENTS, f"--output_dir={directory}")
    assert status == 0, err
    return directory


def wait_for_shards(process, directory, number):
    deadline = time.monotonic() + PATIENCE
    while len(list((directory / "shards").glob("*.json"))) < number:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_workers_on_this_machine_make_the_same_data_set(local, tmp_path):
    status, out, err = run_program(
        "eval.generate", *ARGUMENTS, f"--output_dir={tmp_path / 'out'}", "--ray=local", "--workers=2"
    )
    assert status == 0, err
    assert "20 shards in" in out
    check_equal(tmp_path / "out", local)


def test_a_node_that_dies_costs_nothing_but_time(local, tmp_path):
    from ray.cluster_utils import Cluster

    cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    try:
        node = cluster.add_node(num_cpus=1)
        directory = tmp_path / "out"
        process = start("eval.generate", *ARGUMENTS, f"--output_dir={directory}", f"--ray={cluster.address}")
        wait_for_shards(process, directory, 2)
        cluster.remove_node(node, allow_graceful=False)
        assert len(list((directory / "shards").glob("*.json"))) < 19, "the node died too late for the test"
        _, err = process.communicate(timeout=PATIENCE)
        assert process.returncode == 0, err
    finally:
        cluster.shutdown()
    check_equal(directory, local)


def test_a_worker_that_is_killed_costs_nothing_but_time(local, tmp_path):
    directory = tmp_path / "out"
    process = start("eval.generate", *ARGUMENTS, f"--output_dir={directory}", "--ray=local", "--workers=2")
    wait_for_shards(process, directory, 2)
    family = psutil.Process(process.pid).children(recursive=True)
    workers = [child for child in family if "ray::_work_there" in " ".join(child.cmdline())]
    workers[0].kill()
    assert len(list((directory / "shards").glob("*.json"))) < 19, "the worker died too late for the test"
    _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, err
    check_equal(directory, local)


def test_ctrl_c_ends_it_and_the_same_command_resumes_without_ray(local, tmp_path):
    arguments = [*ARGUMENTS, f"--output_dir={tmp_path / 'out'}"]
    process = start("eval.generate", *arguments, "--ray=local", "--workers=2")
    wait_for_shards(process, tmp_path / "out", 1)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == 130, err
    assert "interrupted; to resume" in err
    assert "Traceback" not in err
    status, _, err = run_program("eval.generate", *arguments)
    assert status == 0, err
    check_equal(tmp_path / "out", local)


def test_a_missing_cluster_is_reported_in_one_line(tmp_path):
    process = subprocess.run(
        [sys.executable, "-m", "eval.generate", "--num_images=4", f"--output_dir={tmp_path / 'out'}", "--ray=auto"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert process.returncode == 2
    assert "expected a Ray cluster at --ray=auto, received: Could not find any running Ray instance" in process.stderr
    assert "Traceback" not in process.stderr


def seconds_of(directory, workers):
    """Seconds from the first finished shard to the last: starting Ray and the workers is not counted."""
    status, _, err = run_program(
        "eval.generate",
        "--num_images=60",
        "--targets=random:9",
        "--shard_size=18",
        f"--output_dir={directory}",
        "--ray=local",
        f"--workers={workers}",
    )
    assert status == 0, err
    times = sorted(path.stat().st_mtime for path in (directory / "shards").glob("*.json"))
    # Each worker's first shard contains its start, so the time begins after these.
    return (times[-1] - times[2 * workers - 1]) / (len(times) - 2 * workers)


@pytest.mark.skipif(psutil.getloadavg()[0] > 0.5 * psutil.cpu_count(), reason="other work runs on this machine")
def test_two_workers_do_nearly_twice_as_much(tmp_path):
    """The best of two ratios, since other work can only reduce them."""
    ratios = []
    for turn in range(2):
        one, two = (seconds_of(tmp_path / f"{turn}_{workers}", workers) for workers in (1, 2))
        ratios.append(one / two)
    print("throughput of two workers over one:", ratios)
    assert max(ratios) >= 1.7, ratios
