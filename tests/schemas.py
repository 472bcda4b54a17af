"""Files of runs against the schemas that the package has for them."""

import csv
import json

import jsonschema

from tests.programs import ROOT

_FOLDER = ROOT / "eval" / "schemas"


def check_schema(name, content):
    """Fails unless `content` is as the schema `name` says, which must be one itself."""
    schema = json.loads((_FOLDER / f"{name}.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.Draft202012Validator(schema).validate(content)


def check_json(name, path):
    """The same for a JSON file."""
    check_schema(name, json.loads(path.read_text()))


def check_rows(name, path):
    """The same for every row of a CSV file."""
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert rows
    for row in rows:
        check_schema(name, row)
