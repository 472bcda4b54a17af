"""`eval.generate` resumed: after a kill, on a full disk, by the jobs of an array, among files of others."""

import json
import resource
import shutil
import signal
import subprocess
import sys
import time

import pytest

from tests.directories import check_equal, copy_of, examples, parquet_shards, shards
from tests.programs import FORKS, PATIENCE, ROOT, server_of, start
from tf_strattack.programs.directories.configuration import claim
from tf_strattack.programs.directories.layouts import CARD_MARK


@pytest.fixture(scope="module")
def program():
    return server_of("eval.generate").run


@pytest.mark.slow
def test_a_readme_of_others_stays_where_a_card_would_be(whole, program, tmp_path):
    out, arguments = copy_of(whole, tmp_path)
    png = tmp_path / "png"
    shutil.copytree(whole[0] / "png", png)
    for folder in (out / "dataset", png):
        assert CARD_MARK in (folder / "README.md").read_text()
        (folder / "README.md").write_text("mine")
    shards(out)[1].unlink()
    status, _, err = program(*arguments, f"--png_dir={png}")
    assert status == 0, err
    status, _, err = program(*arguments, f"--png_dir={png}", "--verify")
    assert status == 0, err
    status, _, err = program(*arguments, f"--png_dir={png}", "--seed=3", "--overwrite")
    assert status == 0, err
    assert [(folder / "README.md").read_text() for folder in (out / "dataset", png)] == ["mine", "mine"]


@pytest.mark.slow
def test_killed_runs_resume_and_a_second_run_is_refused(whole, program, tmp_path):
    _, arguments, _ = whole
    arguments = [*arguments[:-2], f"--output_dir={tmp_path / 'out'}"]
    process = start("eval.generate", *arguments)
    while not list((tmp_path / "out" / "shards").glob("*.json")):
        assert process.poll() is None
        time.sleep(0.02)
    process.send_signal(signal.SIGSTOP)  # or it could end while the other, on a busy machine, is being refused
    status, _, err = program(*arguments)
    assert status == 2
    assert "in which another process is at work" in err
    assert len(err.strip().splitlines()) == 1
    process.send_signal(signal.SIGKILL)
    process.communicate()
    kept = {path: path.stat().st_mtime_ns for path in (tmp_path / "out" / "shards").glob("*.json")}
    assert 1 <= len(kept) < 5, "the kill came too late for the test"
    assert not (tmp_path / "out" / "dataset" / "dataset_info.json").exists()
    status, _, err = program(*arguments)
    assert status == 0, err
    assert {path: path.stat().st_mtime_ns for path in kept} == kept
    check_equal(tmp_path / "out", whole[0] / "out")


@pytest.mark.slow
@pytest.mark.parametrize(("form", "written"), [("tfds", shards), ("parquet", parquet_shards)])
def test_a_full_disk_gets_one_line_and_the_next_run_completes(whole, program, tmp_path, form, written):
    _, arguments, _ = whole
    arguments = [*arguments[:-2], f"--output_dir={tmp_path / 'out'}"]
    size = max(path.stat().st_size for path in written(whole[0] / "out"))
    limited = subprocess.run(
        [sys.executable, "-m", "eval.generate", *arguments, f"--format={form}"],
        cwd=ROOT,
        text=True,
        capture_output=True,
        check=False,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size - 100, size - 100)),
    )
    assert limited.returncode == 2, limited.stderr
    message = limited.stderr.replace("\r", "\n").strip().splitlines()[-1]
    assert message.startswith("error: not enough room on the disk for ")
    assert "Traceback" not in limited.stderr
    assert not list((tmp_path / "out").rglob("*.partial"))
    status, _, err = program(*arguments)
    assert status == 0, err
    check_equal(tmp_path / "out", whole[0] / "out")


@pytest.mark.slow
def test_the_jobs_of_an_array_make_the_same_data_set(whole, program, tmp_path):
    _, arguments, _ = whole
    arguments = [*arguments[:-2], f"--output_dir={tmp_path / 'out'}", f"--png_dir={tmp_path / 'png'}", "--num_shards=2"]
    other = start("eval.generate", *arguments, "--shard_index=1")
    status, _, err = program(*arguments, "--shard_index=0")
    assert status == 0, err
    _, err = other.communicate(timeout=PATIENCE)
    assert other.returncode == 0, err
    check_equal(tmp_path / "out", whole[0] / "out")
    assert json.loads((tmp_path / "out" / "manifest.json").read_text())["complete"]
    assert len(list((tmp_path / "png").glob("*/*.png"))) == len(list((whole[0] / "png").glob("*/*.png")))
    # Again, as by a queue that restarts jobs: nothing is left to do.
    status, _, err = program(*arguments, "--shard_index=1")
    assert status == 0, err


@pytest.mark.slow
def test_a_job_does_not_join_what_another_one_has_to_repair(whole, program, tmp_path):
    out, arguments = copy_of(whole, tmp_path)
    files = shards(out)
    files[4].write_bytes(files[4].read_bytes()[:-1])
    files[0].unlink()
    status, printed, err = program(*arguments, "--num_shards=2", "--shard_index=0")
    assert status == 0, err
    assert f"{files[0].name}: the file is missing; made again" in printed
    assert "4 of 5 shards are in" in printed
    assert not (out / "dataset" / "dataset_info.json").exists()
    assert not json.loads((out / "manifest.json").read_text())["complete"]
    status, printed, err = program(*arguments, "--num_shards=2", "--shard_index=1")
    assert status == 0, err
    check_equal(out, whole[0] / "out")


def claim_as_a_part(directory, part):
    for turn in range(30):
        claim(directory / str(turn), {"a": 1}, program="eval.generate", flag="-", overwrite=False, part=f"{part}-of-4")
        (directory / str(turn) / "work").mkdir(exist_ok=True)


def test_jobs_that_start_at_once_share_the_directory(tmp_path):
    jobs = [FORKS.Process(target=claim_as_a_part, args=(tmp_path, part)) for part in range(4)]
    for job in jobs:
        job.start()
    for job in jobs:
        job.join()
    assert [job.exitcode for job in jobs] == [0] * 4


@pytest.mark.slow
def test_others_files_stay_when_a_generation_is_resumed_and_when_it_is_replaced(whole, program, tmp_path):
    out, arguments = copy_of(whole, tmp_path)
    png = tmp_path / "png"
    shutil.copytree(whole[0] / "png", png)
    arguments.append(f"--png_dir={png}")
    mine = [
        *(out / name for name in ("notes.txt", "dataset/notes.txt", "dataset/x.partial", "shards/mine.json")),
        *(out / "parquet" / name for name in ("notes.txt", "mine.parquet", "x.partial")),
        *(png / name for name in ("notes.txt", "00000/notes.txt", "00000/mine.png", "00004/mine/a_to_1.png")),
    ]
    for path in mine:
        path.parent.mkdir(exist_ok=True)
        path.write_text("mine")
    broken = next((png / "00000").glob("*_to_*.png"))
    broken.write_bytes(b"")
    shards(out)[2].unlink()
    status, _, err = program(*arguments)
    assert status == 0, err
    assert [path.read_text() for path in mine] == ["mine"] * len(mine)
    assert broken.read_bytes() == (whole[0] / "png" / "00000" / broken.name).read_bytes()
    check_equal(out, whole[0] / "out")
    status, _, err = program(*arguments, "--num_images=5", "--overwrite")
    assert status == 0, err
    assert [path.read_text() for path in mine] == ["mine"] * len(mine)
    assert len(examples(out)) == 10
    tables = ["README.md", "config.json", "croissant.json", "labels.csv", "lock", "metadata.csv", "notes.txt"]
    assert sorted(path.name for path in png.iterdir()) == ["00000", "00001", "00004", *tables]
