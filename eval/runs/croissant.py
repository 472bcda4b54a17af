"""Croissant 1.1 metadata of a data set of adversarial examples: what data catalogues and `mlcroissant` read.

https://docs.mlcommons.org/croissant/docs/croissant-spec-1.1.html; what made the examples is in the vocabulary for
responsible AI, https://docs.mlcommons.org/croissant/docs/croissant-rai-spec.html.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from tf_strattack.programs.command_line import public_name

from .dataset_card import HUGGING_FACE, LICENSE, PNG, Kind, sentence_of, shown_facts
from .rows import DISTANCES, FLOAT32, UNTARGETED, Schema, ShardFile

CROISSANT = "croissant.json"
_PARQUET, _CSV, _PNG = "application/x-parquet", "text/csv", "image/png"
_EXAMPLES, _SHARDS, _PICTURES = "examples", "shards", "pictures"
# The paper whose attack this library is named after, which defines the examples of its other attacks too.
_PAPER = (
    "@inproceedings{xu2019structured, title={Structured Adversarial Attack: Towards General Implementation and Better "
    "Interpretability}, author={Xu, Kaidi and Liu, Sijia and Zhao, Pu and Chen, Pin-Yu and Zhang, Huan and Fan, Quanfu "
    "and Erdogmus, Deniz and Wang, Yanzhi and Lin, Xue}, booktitle={International Conference on Learning "
    "Representations (ICLR)}, year={2019}, url={https://arxiv.org/abs/1808.01664}}"
)
# The facts about the images before the attack, and about what the attack did.
_COLLECTED = ("dataset", "split", "dataset_version", "resize", "bounds", "model", "model_sha256")
_CHANGED = ("attack", "attack_parameters", "targets", "groups", "seed", "image_dtype", "code_version")
# The context that the specification recommends.
_TERMS = """arrayShape citeAs column containedIn equivalentProperty extract field fileObject fileProperty fileSet format
    includes isArray isLiveDataset jsonPath key md5 parentField path recordSet references regex repeated replace
    samplingRate separator source subField transform""".split()
_CONTEXT: dict[str, Any] = {
    "@language": "en",
    "@vocab": "https://schema.org/",
    "cr": "http://mlcommons.org/croissant/",
    "dct": "http://purl.org/dc/terms/",
    "rai": "http://mlcommons.org/croissant/RAI/",
    "sc": "https://schema.org/",
    "conformsTo": "dct:conformsTo",
    "data": {"@id": "cr:data", "@type": "@json"},
    "dataType": {"@id": "cr:dataType", "@type": "@vocab"},
    "description": {"@container": "@language"},
    "examples": {"@id": "cr:examples", "@type": "@json"},
    "name": {"@container": "@language"},
    **{term: f"cr:{term}" for term in _TERMS},
}
_MEANINGS = {
    "image": "the adversarial image",
    "original": "the image before the attack",
    "label": "the true class",
    "target": f"the target class, {UNTARGETED} if the attack was untargeted",
    "success": "whether the network is fooled",
    "example_id": "the names of image and target",
    "file_name": "the file of the image",
    "class_name": "the name of the true class, if it is known",
    **{name: f"{name} distance from the original, of pixels in [0, 1]" for name in DISTANCES},
}
_TYPES = {
    **dict.fromkeys(("label", "target"), "sc:Integer"),
    "success": "sc:Boolean",
    **dict.fromkeys(("example_id", "file_name", "class_name"), "sc:Text"),
    **dict.fromkeys(DISTANCES, "sc:Float"),
}


def croissant_of_parquet(facts: Mapping[str, Any], schema: Schema, shards: Sequence[ShardFile]) -> dict[str, Any]:
    """The metadata of a folder of Parquet files: JSON values.

    Args:
      facts: the configuration of the run, and the license if there is one.
      schema: of the rows.
      shards: the files.
    """

    def field(name: str, data_type: str, **more: Any) -> dict[str, Any]:
        transform = {"transform": {"jsonPath": "bytes"}} if data_type == "sc:ImageObject" else {}
        return _field(name, data_type, {"fileSet": {"@id": _SHARDS}, "extract": {"column": name}, **transform}, **more)

    pixels: dict[str, Any] = {"data_type": "sc:ImageObject"}
    if not schema.as_png:
        shape = ",".join(map(str, schema.image_shape))
        number = "sc:Float" if schema.dtype == FLOAT32 else "sc:Integer"
        pixels = {"data_type": number, "isArray": True, "arrayShape": shape}
    columns = ("label", "target", "success", "example_id", *DISTANCES)
    fields = [
        *(field(name, **pixels) for name in ("image", "original")),
        *(field(name, _TYPES[name]) for name in columns),
    ]
    files = [_file(shard.name, _PARQUET, shard.sha256, shard.bytes) for shard in shards]
    return _data_set(facts, HUGGING_FACE, [*files, _file_set(_SHARDS, _PARQUET, "train-*.parquet")], fields)


def croissant_of_png(facts: Mapping[str, Any], table: str, sha256: str, size: int) -> dict[str, Any]:
    """The metadata of a folder of PNG files: JSON values.

    Args:
      facts: the configuration of the run, and the license if there is one.
      table: the name of the CSV file with the names of the files.
      sha256, size: its checksum, and its number of bytes.
    """

    def field(name: str, **transform: Any) -> dict[str, Any]:
        return _field(name, _TYPES[name], {"fileObject": {"@id": table}, "extract": {"column": name}, **transform})

    pictures = {"fileSet": {"@id": _PICTURES}}
    # Joined by the name without the folder: `mlcroissant` finds no image by the path.
    file_name = field("file_name", transform={"regex": ".*/(.*)"})
    fields = [
        _field("image", "sc:ImageObject", {**pictures, "extract": {"fileProperty": "content"}}),
        {**file_name, "references": {**pictures, "extract": {"fileProperty": "filename"}}},
        *map(field, ("label", "class_name", "target", "example_id")),
    ]
    files = [_file(table, _CSV, sha256, size), _file_set(_PICTURES, _PNG, "*/*.png")]
    return _data_set(facts, PNG, files, fields)


def _data_set(
    facts: Mapping[str, Any], kind: Kind, files: list[dict[str, Any]], fields: list[dict[str, Any]]
) -> dict[str, Any]:
    known = shown_facts(facts)
    return {
        "@context": _CONTEXT,
        "@type": "sc:Dataset",
        "conformsTo": ["http://mlcommons.org/croissant/1.1", "http://mlcommons.org/croissant/RAI/1.0"],
        "name": f"adversarial_examples_{known['dataset']}_{known['attack']}",
        "description": sentence_of(facts, kind),
        "version": "1.0.0",
        **({"license": facts[LICENSE]} if facts.get(LICENSE) else {}),
        "keywords": ["adversarial examples", known["attack"], known["dataset"]],
        "citeAs": _PAPER,
        "rai:dataCollection": f"Images that a network classifies correctly: {_told(facts, _COLLECTED)}",
        "rai:dataManipulationProtocol": f"An attack that tries to fool the network changed the images: "
        f"{_told(facts, _CHANGED)}",
        "rai:dataUseCases": ["Adversarial training.", "Measuring how robust a network is."],
        "rai:dataLimitations": [
            "The examples fool the network that they were made for; other networks may classify them correctly."
        ],
        "distribution": files,
        "recordSet": [
            {
                "@type": "cr:RecordSet",
                "@id": _EXAMPLES,
                "name": _EXAMPLES,
                "key": {"@id": f"{_EXAMPLES}/example_id"},
                "field": fields,
            }
        ],
    }


def _told(facts: Mapping[str, Any], names: Sequence[str]) -> str:
    """Some facts as JSON, with only the last part of absolute paths."""
    return json.dumps({name: _public(facts.get(name)) for name in names})


def _file(name: str, encoding: str, sha256: str, size: int) -> dict[str, Any]:
    return {
        "@type": "cr:FileObject",
        "@id": name,
        "name": name,
        "contentUrl": name,
        "contentSize": f"{size} B",
        "encodingFormat": encoding,
        "sha256": sha256,
    }


def _file_set(name: str, encoding: str, includes: str) -> dict[str, Any]:
    return {"@type": "cr:FileSet", "@id": name, "name": name, "encodingFormat": encoding, "includes": includes}


def _field(name: str, data_type: str, source: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {
        "@type": "cr:Field",
        "@id": f"{_EXAMPLES}/{name}",
        "name": name,
        "description": _MEANINGS[name],
        "dataType": data_type,
        "source": source,
        **more,
    }


def _public(value: Any) -> Any:
    """JSON values with only the last part of absolute paths."""
    if isinstance(value, Mapping):
        return {name: _public(inner) for name, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_public(inner) for inner in value]
    return public_name(value) if isinstance(value, str) else value
