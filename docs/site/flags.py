"""Writes the tables of flags in docs/programs/: `python docs/site/flags.py`, as `make docs` does.

A table comes from the program that it describes, between the two comments of its page. Programs define flags of the
same name, so each is asked in a process of its own.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
PAGES = ROOT / "docs" / "programs"

_TABLE = re.compile(r"(<!-- flags of ([\w.]+), by docs/site/flags\.py -->\n).*?(<!-- end of flags -->)", re.DOTALL)
# Asked in the process of its own: the groups of a program's flags, each with a name, default, choices and help.
_ASK = """
import importlib, json, sys
from absl import flags
options = importlib.import_module(sys.argv[1]).OPTIONS
def entry(holder):
    flag = flags.FLAGS[holder.name]
    default = options.defaults.get(flag.name, flag.default)
    choices = getattr(flag.parser, "enum_values", None)
    return {"name": flag.name, "switch": isinstance(flag, flags.BooleanFlag), "default": default, "choices": choices,
            "help": flag.help}
print(json.dumps({heading: [entry(holder) for holder in holders] for heading, holders in options.groups.items()}))
"""


def asked(module: str) -> dict[str, list[dict[str, Any]]]:
    """The flags of the program that is `module`, by heading."""
    done = subprocess.run([sys.executable, "-c", _ASK, module], cwd=ROOT, capture_output=True, text=True, check=True)
    return json.loads(done.stdout)


def table(module: str) -> str:
    """The flags of a program as a table in Markdown, a heading of --help in bold above its flags."""
    lines = ["| flag | default | what it does |", "|---|---|---|"]
    for heading, flags in asked(module).items():
        lines.append(f"| **{heading}** | | |")
        lines += [f"| {_name(flag)} | {_default(flag)} | {_help(flag)} |" for flag in flags]
    return "\n".join(lines)


def _name(flag: dict[str, Any]) -> str:
    return f"`--[no]{flag['name']}`" if flag["switch"] else f"`--{flag['name']}`"


def _default(flag: dict[str, Any]) -> str:
    default = flag["default"]
    if flag["switch"]:
        return "on" if default else "off"
    text = ",".join(map(str, default)) if isinstance(default, list) else default
    return "" if text in (None, "") else f"`{text}`"


def _help(flag: dict[str, Any]) -> str:
    # absl puts <a|b> in front of what the program says of a flag with choices.
    text = re.sub(r"^<[^>]*>: ", "", " ".join(flag["help"].split()))
    choices = ", ".join(f"`{choice}`" for choice in flag["choices"] or [])
    text = re.sub(r"(--[a-z]\w*(?:=\w+(?:\.\w+)*)?)", r"`\1`", text.replace("<", "&lt;"))
    return (f"One of {choices}. {text}" if choices else text).replace("|", "\\|")


def written(page: Path) -> str:
    """The text of a page, its tables as the programs have them now."""
    return _TABLE.sub(lambda found: f"{found[1]}\n{table(found[2])}\n\n{found[3]}", page.read_text(encoding="utf-8"))


def pages() -> Iterator[Path]:
    """The pages with such a table."""
    return (page for page in sorted(PAGES.glob("*.md")) if _TABLE.search(page.read_text(encoding="utf-8")))


if __name__ == "__main__":
    for path in pages():
        text = written(path)
        if text != path.read_text(encoding="utf-8"):
            path.write_text(text, encoding="utf-8")
            print(f"{path.relative_to(ROOT)}: flags written")
