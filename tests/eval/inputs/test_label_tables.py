"""labels.csv is read as spreadsheets and programs of all kinds write it."""

import numpy as np
import pytest
from PIL import Image

import tf_strattack as sa
from eval.inputs.datasets import read_dataset

TABLE = "filename,class_index,class_name\n0.png,3,cat\n1.png,1,dog\n"


def read(folder):
    return read_dataset(str(folder), data_dir=None, split="test", download=False)


@pytest.fixture
def folder(tmp_path):
    for index in range(2):
        Image.fromarray(np.full((8, 8), index, np.uint8)).save(tmp_path / f"{index}.png")
    return tmp_path


@pytest.mark.parametrize(
    "table",
    [
        TABLE.encode(),
        TABLE.encode("utf-8-sig"),
        TABLE.encode("utf-16"),
        TABLE.encode("utf-16-le"),
        TABLE.encode("utf-16-be"),
        TABLE.encode("utf-32"),
        TABLE.replace("\n", "\r\n").encode(),
        TABLE.replace("\n", "\r").encode(),
        TABLE.replace(",", ";").encode(),
        TABLE.replace(",", "\t").encode("utf-16"),
        TABLE.replace(",", " ; ").encode(),
        ("sep=;\n" + TABLE.replace(",", ";")).encode(),
        TABLE.replace(",", ", ").encode(),
        TABLE.replace("filename,class_index", "Filename,CLASS_INDEX").encode(),
        TABLE.replace("filename,class_index", " filename , class_index ").encode(),
        TABLE.replace(",3", ",3.0").replace(",1", ",1.").encode(),
        TABLE.replace(",", ";").replace(";3", ";3,0").encode(),
        b'"class_name","note; with, marks","filename","class_index"\n"cat","a;b,c","0.png","3"\n"dog",,"1.png","1"',
        ("\n" + TABLE + "\n,,\n").encode(),
        TABLE.replace("0.png", "./0.png").encode(),
        TABLE.replace("0.png", ".\\0.png").encode(),
    ],
)
def test_tables_of_many_programs_are_read(folder, table):
    (folder / "labels.csv").write_bytes(table)
    data = read(folder)
    assert [(record.name, record.label) for record in data.records] == [("0.png", 3), ("1.png", 1)]
    assert data.class_names == {3: "cat", 1: "dog"}


@pytest.mark.parametrize("filename", ["deep/er/0.png", "deep\\er\\0.png", ".\\deep\\er\\0.png"])
def test_files_in_sub_folders_are_found_whatever_the_slash(folder, filename):
    (folder / "images" / "deep" / "er").mkdir(parents=True)
    (folder / "0.png").rename(folder / "images" / "deep" / "er" / "0.png")
    (folder / "labels.csv").write_text(f"filename,class_index\n{filename},0\n")
    assert [record.name for record in read(folder).records] == ["deep/er/0.png"]


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("filename,class_index\n0.png\n", "expected whole numbers as class_index"),
        (
            "filename,class_index\n0.png,1.5\n",
            "expected whole numbers as class_index in .*, received '1.5' for '0.png'",
        ),
        ("filename,class_index\n0.png,²\n", "expected whole numbers as class_index"),
        ("filename,class_index\n0.png,nan\n", "expected whole numbers as class_index"),
        ("filename,class_index\n0.png,1e3\n", "expected whole numbers as class_index"),
        (f"filename,class_index\n0.png,{'9' * 5000}\n", "expected whole numbers as class_index"),
        ("filename,class_index\na,0.png,1\n", "received '0.png' for 'a'"),
        ("filename,class_index\n0.png,0\n0.png,1\n", "expected one row per image in .* 2 rows for '0.png'"),
        ("filename,class_index\n0.png,0\n./0.png,1\n", "expected one row per image in .* 2 rows for '0.png'"),
        ("filename,class_index\n,0\n", "expected a name in each row of .*, received 1 without"),
        ("file,class\n0.png,0,extra\n", "expected columns filename, class_index in .*'class', 'file'"),
        ("filename|class_index\n0.png|0\n", "expected columns filename, class_index"),
        ("filename,class_index\n", "received no rows"),
        ("", "received no rows"),
        ("filename,class_index\nné.png,0\n".encode("latin-1"), "which cannot be read: .*: save it as UTF-8"),
    ],
)
def test_odd_tables_of_labels_are_refused(folder, table, message):
    (folder / "labels.csv").write_bytes(table if isinstance(table, bytes) else table.encode())
    with pytest.raises(sa.InputError, match=message) as error:
        read(folder)
    assert "\n" not in str(error.value)


def test_an_image_that_is_missing_is_named(folder):
    (folder / "labels.csv").write_text("filename,class_index\n0.png,0\nabsent.png,0\n")
    with pytest.raises(sa.InputError, match=r"expected an image file, received .*absent.png, which does not exist"):
        list(read(folder).records)
