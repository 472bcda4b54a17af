"""The plugin as Dioptra imports it, and what its resources say."""

import importlib.util
import sys
import tomllib
from pathlib import Path
from types import ModuleType, SimpleNamespace

import numpy as np

from tf_strattack.interop import dioptra

PLACE = Path(dioptra.__file__).parent
RESOURCES = tomllib.loads((PLACE / "strattack.toml").read_text())
TYPES = {one["name"]: one.get("structure") for one in RESOURCES["plugin_param_types"]}
QUICK = {
    "solver": {"name": "prox_linear", "max_iterations": 12},
    "refine": False,
    "restarts": 0,
    "fallback": None,
}


def arrays(dataset):
    """The images and labels of a data set with batches."""
    return (np.concatenate(part) for part in zip(*dataset.as_numpy_iterator(), strict=True))


class Log(list):
    """Stands for the logger of structlog."""

    def bind(self, **_):
        return self

    def info(self, event, **values):
        self.append((event, values))

    warning = info


def plugin(monkeypatch, client=None):
    """The module of the tasks, imported as Dioptra does, with stand-ins for what it imports; and its log."""
    log, registered = Log(), {}
    parts = {
        "structlog": {"get_logger": lambda: log},
        "dioptra": {"pyplugs": SimpleNamespace(register=lambda task: registered.setdefault(task.__name__, task))},
        "dioptra.sdk": {},
        "dioptra.sdk.utilities": {},
        "dioptra.sdk.utilities.auth_client": {"get_authenticated_worker_client": lambda *_: client},
    }
    for name, values in parts.items():
        module = ModuleType(name)
        vars(module).update(values)
        monkeypatch.setitem(sys.modules, name, module)
    return loaded(), log, registered


def loaded():
    spec = importlib.util.spec_from_file_location("strattack.tasks", PLACE / "strattack" / "tasks.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def described():
    """The tasks that the resources describe, by name."""
    (only,) = RESOURCES["plugins"]
    return {task["name"]: task for task in only["tasks"]["functions"]}
