"""`python -m eval.generate` as a user runs it: whole, resumed, damaged, on full disks, in job arrays."""

import hashlib
import json
import resource
import shutil
import signal
import subprocess
import sys
import time

import keras
import numpy as np
import pytest
import tensorflow_datasets as tfds

import tf_strattack as sa
from eval.runs.rows import Schema
from eval.runs.tfds_directory import read_shard, write_shard
from tests.directories import check_all_is_known, check_equal, examples, parquet_shards, shards
from tests.programs import FORKS, ROOT, server_of, start
from tests.reports import without_spans
from tests.schemas import check_json, check_rows
from tf_strattack.programs.directories.configuration import claim
from tf_strattack.programs.directories.layouts import CARD_MARK
from tf_strattack.programs.directories.sealed import read_sealed, write_sealed

# Some examples fail with these few iterations.
WEAK = "--attack_parameters=max_iterations=9,fallback.max_iterations=9,refine=False"
SMALL = ("--num_images=20", "--shard_size=8", "--targets=random:2", WEAK)  # five shards


@pytest.fixture(scope="module")
def program():
    return server_of("eval.generate").run


@pytest.fixture(scope="module")
def whole(program, tmp_path_factory):
    """An uninterrupted generation of 8-bit images in all formats, with PNG files."""
    directory = tmp_path_factory.mktemp("whole")
    arguments = [*SMALL, "--quantize=uint8", "--format=tfds,parquet"]
    arguments += [f"--output_dir={directory / 'out'}", f"--png_dir={directory / 'png'}"]
    status, out, err = program(*arguments)
    assert status == 0, err
    return directory, arguments, out


def copy_of(whole, tmp_path):
    directory, arguments, _ = whole
    shutil.copytree(directory / "out", tmp_path / "out")
    return tmp_path / "out", [*arguments[:-2], f"--output_dir={tmp_path / 'out'}"]


def test_a_whole_split_becomes_a_data_set(whole):
    directory, _, out = whole
    rows = examples(directory / "out")
    assert len(rows) == 40
    images, labels, indices = sa.shipped.load_sample()
    place = {f"mnist_test_{index}": row for row, index in enumerate(indices)}
    classifier = sa.shipped.load_classifier()
    for name, row in rows.items():
        image, _, target = name.rpartition("_to_")
        number = place[image]
        assert (row["label"], row["target"]) == (labels[number], int(target))
        assert row["image"].dtype == row["original"].dtype == np.uint8
        np.testing.assert_array_equal(row["original"], sa.images.to_uint8(images[number]))
        delta = sa.images.from_uint8(row["image"][None]) - images[number]
        for measure in ("l0", "l1", "l2", "linf"):
            assert row[measure] == pytest.approx(getattr(sa.metrics, measure)(delta)[0], rel=1e-5, abs=1e-6)
    predicted = classifier.predict(sa.images.from_uint8(np.stack([r["image"] for r in rows.values()]))).argmax(axis=1)
    success = np.array([row["success"] for row in rows.values()])
    assert 0.5 < success.mean() < 1, "both kinds are needed"
    np.testing.assert_array_equal(success, predicted == [row["target"] for row in rows.values()])
    assert "8-bit images" in out
    assert [
        len(list(tfds.as_numpy(ds)))
        for ds in [
            tfds.builder_from_directory(str(directory / "out" / "dataset")).as_dataset(
                split="train", as_supervised=True
            )
        ]
    ] == [40]


def test_the_manifest_and_the_metrics_say_what_was_made(whole):
    directory, _, _ = whole
    manifest = json.loads((directory / "out" / "manifest.json").read_text())
    assert manifest["complete"]
    claimed = read_sealed(directory / "out" / "config.json")
    assert claimed == {"made_by": "tf_strattack eval.generate", **manifest["configuration"]}
    assert {"attack", "attack_parameters", "model_sha256", "dataset_version", "code_version", "seed"} <= set(
        manifest["configuration"]
    )
    listed = [name for shard in manifest["shards"] for name in shard["files"]]
    there = [*shards(directory / "out"), *parquet_shards(directory / "out")]
    assert sorted(listed) == [path.relative_to(directory / "out").as_posix() for path in there]
    metrics = json.loads((directory / "out" / "metrics.json").read_text())
    rows = examples(directory / "out").values()
    assert metrics["num_examples"] == 40
    assert metrics["all"]["asr"] == np.mean([row["success"] for row in rows])
    assert metrics["all"]["l0"] == pytest.approx(np.mean([row["l0"] for row in rows if row["success"]]))
    fooled = {name.rpartition("_to_")[0] for name, row in examples(directory / "out").items() if row["success"]}
    assert (metrics["clean_accuracy"], metrics["robust_accuracy"]) == (1.0, (20 - len(fooled)) / 20)
    before = metrics["before_quantization"]
    assert metrics["all"]["num_successes"] >= 0.99 * before["num_successes"]
    assert metrics["all"]["l0"] <= before["l0"]
    assert metrics["png"]["num_successes"] == metrics["png"]["files"] == metrics["all"]["num_successes"]


def test_what_is_written_is_as_the_schemas_say(whole):
    directory, _, _ = whole
    check_json("metrics", directory / "out" / "metrics.json")
    check_json("manifest", directory / "out" / "manifest.json")
    check_rows("labels", directory / "png" / "labels.csv")


def test_png_files_are_a_folder_that_dataset_reads(whole, tmp_path):
    directory, _, _ = whole
    rows = examples(directory / "out")
    files = sorted((directory / "png").glob("*/*.png"))
    assert {path.stem for path in files} == {name for name, row in rows.items() if row["success"]}
    for path in files:
        np.testing.assert_array_equal(sa.images.read_png(path), rows[path.stem]["image"])
    # The network is fooled by what an independent reader makes of them.
    pixels = np.stack([keras.utils.img_to_array(keras.utils.load_img(p, color_mode="grayscale")) for p in files]) / 255
    predicted = sa.shipped.load_classifier().predict(pixels.astype(np.float32)).argmax(axis=1)
    np.testing.assert_array_equal(predicted, [rows[path.stem]["target"] for path in files])
    table = (directory / "png" / "labels.csv").read_text().splitlines()
    assert table[0].startswith("filename,class_index")
    assert len(table) == 1 + len(files)


def test_the_same_command_does_nothing_and_another_one_is_refused(whole, program, tmp_path):
    out, arguments = copy_of(whole, tmp_path)
    before = {path: path.stat().st_mtime_ns for path in shards(out)}
    status, _, err = program(*arguments)
    assert status == 0, err
    assert {path: path.stat().st_mtime_ns for path in shards(out)} == before
    for change, difference in [
        ("--seed=3", "seed (0 there, 3 here)"),
        (f"{WEAK},tau=2", "attack_parameters.tau (0.65 there, 2 here)"),
        ("--shard_size=9", "shard_size (8 there, 9 here)"),
        ("--num_images=19", "num_images (20 there, 19 here)"),
    ]:
        status, _, err = program(*arguments, change)
        assert status == 2
        assert f"differs in {difference}" in err
    assert {path: path.stat().st_mtime_ns for path in shards(out)} == before


def test_damage_is_found_named_and_repaired_and_nothing_else_is_made_again(whole, program, tmp_path):
    out, arguments = copy_of(whole, tmp_path)
    files = shards(out)
    content = bytearray(files[0].read_bytes())
    content[len(content) // 2] ^= 1
    files[0].write_bytes(content)
    files[2].unlink()
    copies = parquet_shards(out)
    copies[0].write_bytes(copies[0].read_bytes()[:-1])
    copies[1].unlink()
    entry = out / "shards" / "00003.json"
    entry.write_text(entry.read_text().replace('"success"', '"succes"'))
    manifest = out / "manifest.json"
    manifest.write_text(manifest.read_text()[:-40])
    before = {path: path.stat().st_mtime_ns for path in (*files, *copies) if path.exists()}
    damages = [
        "manifest.json: it cannot be read",
        f"{files[0].name}: the file has another checksum",
        f"{copies[0].name}: the file has {copies[0].stat().st_size} bytes instead of {copies[0].stat().st_size + 1}",
        f"{copies[1].name}: the file is missing",
        f"{files[2].name}: the file is missing",
        f"{files[3].name}: its entry 00003.json cannot be read",
    ]
    status, printed, err = program(*arguments, "--verify")
    assert status == 2
    assert "received 6 damaged or missing" in err
    assert all(damage in printed for damage in damages)
    times = {path: path.stat().st_mtime_ns for path in (*files, *copies) if path.exists()}
    assert times == before, "verify changes nothing"
    status, printed, err = program(*arguments)
    assert status == 0, err
    assert all(damage in printed for damage in damages)
    made = {path for path in (*files, *copies) if path.stat().st_mtime_ns != before.get(path)}
    assert made == {files[0], files[2], files[3], copies[0], copies[1], copies[3]}
    assert "0/16 examples" in err.replace("\r", "\n"), "what is intact in one format is copied, not attacked"
    check_equal(out, whole[0] / "out")
    status, printed, err = program(*arguments, "--verify")
    assert status == 0, err
    assert "all checksums match; 40 examples in 5 shards" in printed


def test_verify_classifies_again(whole, program, tmp_path):
    """A shard whose checksum is right but whose examples do not do what they say."""
    out, arguments = copy_of(whole, tmp_path)
    path, entry = shards(out)[1], out / "shards" / "00001.json"
    schema = Schema((28, 28, 1), "uint8")
    write_shard(path, schema, [{**row, "image": row["original"]} for row in read_shard(path, schema)])
    content = read_sealed(entry)
    content["files"][f"dataset/{path.name}"] = {
        "sha256": hashlib.sha256(path.read_bytes()).hexdigest(),
        "bytes": path.stat().st_size,
    }
    write_sealed(entry, content)
    status, printed, err = program(*arguments, "--verify")
    assert status == 2
    assert "examples are classified differently: mnist_test_" in printed
    assert "received 1 damaged or missing" in err


def test_verify_takes_the_flags_of_the_run_and_looks_at_its_files_too(whole, program, tmp_path):
    out, arguments = copy_of(whole, tmp_path)
    png = tmp_path / "png"
    shutil.copytree(whole[0] / "png", png)
    given = [*arguments, f"--png_dir={png}", "--workers=2", "--ray=local", "--verify"]
    status, printed, err = program(*given)
    assert status == 0, err
    first, second, *_ = sorted(png.glob("*/*.png"))
    first.write_bytes(second.read_bytes())
    (png / "metadata.csv").unlink()
    status, printed, err = program(*given)
    assert status == 2
    assert f"{first.parent.name}: its files differ from the shard" in printed
    assert "metadata.csv: it is missing, or does not describe these files" in printed
    assert "received 2 damaged or missing" in err
    status, _, err = program(*arguments, f"--png_dir={png}")
    assert status == 0, err
    status, _, err = program(*given)
    assert status == 0, err
    assert out.exists()


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
    _, err = other.communicate(timeout=120)
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


def test_files_that_are_damaged_are_exported_again_and_others_stay(whole, program, tmp_path):
    out, arguments = copy_of(whole, tmp_path)
    shutil.copytree(whole[0] / "png", tmp_path / "png")
    arguments.append(f"--png_dir={tmp_path / 'png'}")
    files = sorted((tmp_path / "png").glob("*/*.png"))
    broken = files[len(files) // 2]
    content = broken.read_bytes()
    broken.write_bytes(content[:-30])
    others = {path: path.stat().st_mtime_ns for path in files if path.parent != broken.parent}
    status, _, err = program(*arguments)
    assert status == 0, err
    assert broken.read_bytes() == content
    assert {path: path.stat().st_mtime_ns for path in others} == others
    metrics = json.loads((out / "metrics.json").read_text())
    assert metrics["png"]["files"] == len(files)
    assert metrics["command"] in without_spans((out / "report.html").read_text())


def test_all_that_was_written_is_known(whole, tmp_path):
    check_all_is_known(whole[0] / "out", "eval.generate", tmp_path / "out")
    check_all_is_known(whole[0] / "png", "eval.generate --png_dir", tmp_path / "png")


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


def test_a_report_that_is_missing_is_written_again(whole, program, tmp_path):
    out, arguments = copy_of(whole, tmp_path)
    report = (out / "report.html").read_text()
    (out / "report.html").unlink()
    status, _, err = program(*arguments)
    assert status == 0, err
    assert (out / "report.html").read_text() == report
    # Stored images are those of the files: 8-bit.
    data = json.loads(report.partition('id="data">')[2].partition("</script>")[0])
    by_id = examples(out)
    assert len(data["gallery"]["examples"]) == len(by_id)
    l2 = sorted(round(float(row["l2"]), 3) for row in by_id.values() if row["success"])
    shown = [row["l2"] for row in data["gallery"]["examples"] if row["success"]]
    np.testing.assert_allclose(sorted(shown), l2, atol=2e-3)
    assert {row["l2"] for row in data["gallery"]["examples"] if not row["success"]} <= {None}
