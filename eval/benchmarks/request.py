"""The benchmark that the flags describe: what is checked before anything is measured."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from absl import flags as absl_flags

from tf_strattack import Attack, InputError

from .. import flags
from ..inputs.attacks import ATTACKS, make_attack
from ..inputs.groups import Grouping
from . import (
    curves,
    floor,
    foolbox_peer,
    groups,
    memory,
    net_from_flags,
    overhead,
    pareto,
    peers,
    precision,
    scaling,
)
from . import flags as own
from .nets import NETS, Net, available, load_nets
from .sections import SECTIONS
from .structured import envelope, section
from .structured.kept import Kept

PROGRAM = "eval.benchmark"
Rows = list[dict[str, Any]]
# Shared flags that apply only to the net "model".
_OF_MODEL = (
    "model",
    "weights",
    "bounds",
    "data_format",
    "model_options",
    "dataset",
    "data_dir",
    "split",
    "download",
    "resize",
    "targets",
)
# List flags of whole numbers.
_WHOLE_NUMBERS = (
    own.BATCH_SIZES,
    own.FLOOR_BATCH_SIZES,
    own.CURVE_EVALUATIONS,
    own.GROUPS_BUDGETS,
    own.MEMORY_BATCH_SIZES,
    own.SCALING_IMAGES,
    own.STRUCTURED_EVALUATIONS,
)
# Sections that cannot have the net "model": they load nets in processes of their own, or need a Keras file.
_NOT_OF_MODEL = ("memory", "scaling", "precision", "foolbox")
# Shared flags that mean nothing with --peers, which has the examples.
_OF_EXAMPLES = ("dataset", "data_dir", "split", "download", "resize", "targets")


@dataclasses.dataclass(frozen=True)
class Request:
    """The benchmark that the flags describe.

    Attributes:
      sections, nets: names.
      cases_dir: the directory of the *_cases nets, or None.
      attacks, structured: the attacks of these sections, by name.
      counts: the values of the flags that hold whole numbers, ascending.
      taus: the values of tau in the section pareto.
    """

    sections: list[str]
    nets: list[str]
    cases_dir: Path | None
    attacks: dict[str, Attack]
    structured: dict[str, Attack]
    counts: dict[str, list[int]]
    taus: list[float]

    @classmethod
    def read(cls) -> Request:
        """Reads the flags.

        Raises:
          InputError: unknown names, invalid numbers, or sections that a net cannot have.
        """
        sections = _names("sections", own.SECTIONS.value, SECTIONS)
        cases_dir = None if own.CASES_DIR.value is None else Path(own.CASES_DIR.value)
        nets = _names("nets", own.NETS.value or available(cases_dir), [*NETS, net_from_flags.NAME])
        _check_model(nets, sections)
        _check_peers(nets, sections)
        _check_envelope(sections)
        counts = {
            flag.name: sorted(flags.positive_numbers(flag.name, flag.value or [""], int)) for flag in _WHOLE_NUMBERS
        }
        taus = sorted(flags.positive_numbers(own.PARETO_TAUS.name, own.PARETO_TAUS.value or [""], float))
        structured = _names("structured_attacks", own.STRUCTURED_ATTACKS.value, ATTACKS)
        of_structured = {name: _for_all_images(name, make_attack(name, [])) for name in structured}
        return cls(sections, nets, cases_dir, _attacks(), of_structured, counts, taus)

    def configuration(self) -> dict[str, Any]:
        """The configuration that is recorded; JSON values."""
        return {
            "sections": self.sections,
            "nets": self.nets,
            "cases_dir": own.CASES_DIR.value,
            "peers": own.PEERS.value,
            "repeats": own.REPEATS.value,
            "attacks": {name: attack.hyper_parameters for name, attack in self.attacks.items()},
            "structured_attacks": {name: attack.hyper_parameters for name, attack in self.structured.items()},
            "structured_examples": own.STRUCTURED_EXAMPLES.value,
            "envelope": own.ENVELOPE.value,
            "curve_examples": own.CURVE_EXAMPLES.value,
            "pareto_taus": self.taus,
            "pareto_examples": own.PARETO_EXAMPLES.value,
            "foolbox_examples": own.FOOLBOX_EXAMPLES.value,
            "foolbox_iterations": own.FOOLBOX_ITERATIONS.value,
            **self.counts,
            **{name: absl_flags.FLAGS[name].value for name in _OF_MODEL if net_from_flags.NAME in self.nets},
        }

    def load_nets(self) -> list[Net]:
        """Loads the nets, and their examples.

        Raises:
          InputError: a net that cannot be loaded, or the section peers without a net with peers.
        """
        nets = load_nets([name for name in self.nets if name in NETS], self.cases_dir)
        if net_from_flags.NAME in self.nets:
            most = max(
                *self.counts["batch_sizes"],
                own.CURVE_EXAMPLES.value,
                own.PARETO_EXAMPLES.value or 1,
                own.STRUCTURED_EXAMPLES.value,
            )
            nets.append(net_from_flags.load_net_from_flags(most))
        if "peers" in self.sections:
            peers.require_peers(nets)
        return nets

    def measures(self, nets: Sequence[Net], kept: Kept) -> dict[str, Callable[[], Rows]]:
        """A function per section that measures it and returns the rows of its table; `kept` as in `section`."""
        counts, examples = self.counts, own.CURVE_EXAMPLES.value
        foolbox = own.FOOLBOX_EXAMPLES.value, own.FOOLBOX_ITERATIONS.value
        return {
            "floor": lambda: floor.measure_floors(nets, counts["floor_batch_sizes"]),
            "attacks": lambda: overhead.measure_attacks(nets, self.attacks, counts["batch_sizes"], own.REPEATS.value),
            "curves": lambda: curves.measure_curves(nets, examples, counts["curve_evaluations"]),
            "pareto": lambda: pareto.measure_pareto(nets, own.PARETO_EXAMPLES.value, self.taus),
            "groups": lambda: groups.measure_groups(nets, examples, counts["groups_budgets"]),
            "memory": lambda: memory.measure_memory(self.nets, self.cases_dir, counts["memory_batch_sizes"]),
            "precision": lambda: precision.measure_precision(nets, counts["batch_sizes"]),
            "foolbox": lambda: foolbox_peer.measure_foolbox(nets, *foolbox),
            "peers": lambda: peers.measure_peers(nets),
            "structured": lambda: section.measure_structured(
                nets,
                self.structured,
                counts["structured_evaluations"],
                own.STRUCTURED_EXAMPLES.value,
                None if own.ENVELOPE.value is None else Path(own.ENVELOPE.value),
                kept,
            ),
            "scaling": lambda: scaling.measure_scaling(counts["scaling_images"], flags.SEED.value),
        }


def _names(flag: str, names: list[str], known: Iterable[str]) -> list[str]:
    for name in names or [""]:
        if name not in known:
            raise InputError(f"expected --{flag} to be of {', '.join(known)}, received {name!r}")
    return list(dict.fromkeys(names))


def _check_model(nets: list[str], sections: list[str]) -> None:
    """Refuses flags of the net "model" without it, and sections that cannot have it."""
    if net_from_flags.NAME not in nets:
        flags.refuse_unused(f"{PROGRAM} without --nets=model", _OF_MODEL)
        return
    unfit = [name for name in sections if name in _NOT_OF_MODEL]
    if unfit:
        raise InputError(
            f"expected --sections without {', '.join(unfit)} with --nets=model, received {','.join(sections)}"
        )


def _check_peers(nets: list[str], sections: list[str]) -> None:
    """Refuses --peers where nothing reads it, and flags of other examples with it."""
    if own.PEERS.value is None:
        return
    if net_from_flags.NAME not in nets:
        raise InputError(f"expected --peers with --nets=model, received it with {','.join(nets)}")
    if not {"peers", "structured"} & set(sections):
        raise InputError(f"expected --peers with --sections of peers, structured, received {','.join(sections)}")
    flags.refuse_unused(f"{PROGRAM} with --peers", _OF_EXAMPLES)


def _check_envelope(sections: list[str]) -> None:
    """Refuses, before anything is measured, a file that is no envelope, and one that no section reads."""
    if own.ENVELOPE.value is None:
        return
    if "structured" not in sections:
        raise InputError(f"expected --envelope with --sections=structured, received it with {','.join(sections)}")
    envelope.check(Path(own.ENVELOPE.value))


def _attacks() -> dict[str, Attack]:
    """The attacks of --attacks or --attack; --attack_parameters require a single one."""
    if absl_flags.FLAGS["attack"].present and absl_flags.FLAGS["attacks"].present:
        raise InputError("expected --attack or --attacks, received both")
    named = [flags.ATTACK.value] if absl_flags.FLAGS["attack"].present else own.ATTACKS.value
    names = _names("attacks", named, ATTACKS)
    parameters = flags.ATTACK_PARAMETERS.value
    if parameters and len(names) > 1:
        raise InputError(f"expected --attack with --attack_parameters, received {len(names)} attacks")
    return {name: _for_all_images(name, make_attack(name, parameters)) for name in names}


def _for_all_images(name: str, attack: Attack) -> Attack:
    """The attack; refuses groups that depend on the images, as images of several networks are attacked."""
    groups = getattr(attack, "groups", None)
    if isinstance(groups, Grouping):
        raise InputError(f"expected attacks whose groups are the same for all images, received {name} with {groups}")
    return attack
