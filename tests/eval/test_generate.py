"""`python -m eval.generate` as a user runs it: what it writes, exports, verifies and repairs."""

import hashlib
import json
import shutil

import keras
import numpy as np
import pytest
import tensorflow_datasets as tfds

import tf_strattack as sa
from eval.runs.rows import Schema
from eval.runs.tfds_directory import read_shard, write_shard
from tests.directories import check_all_is_known, check_equal, copy_of, examples, parquet_shards, shards
from tests.programs import WEAK, server_of
from tests.reports import without_spans
from tests.schemas import check_json, check_rows
from tf_strattack.programs.directories.sealed import read_sealed, write_sealed


@pytest.fixture(scope="module")
def program():
    return server_of("eval.generate").run


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
