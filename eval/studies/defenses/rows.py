"""The rows of the study: the network of each, and the commands that train and attack it."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from tf_strattack import InputError
from tf_strattack.runtime.files import sha256_of

from ...inputs.attacks import ATTACKS
from ...runs.reading import whole_run
from ..steps import Step
from ..study import Row
from .names import MEMBERS, NOISE_STD

NONE, PGD, NOISE, SMOOTHING, ENSEMBLE = "none", "pgd", "noise", "smoothing", "ensemble"
# The rows whose networks are trained without examples of an attack of eval.attack.
WITHOUT_EXAMPLES = (NONE, PGD, NOISE, SMOOTHING, ENSEMBLE)


class Net(NamedTuple):
    """The shape of the network that `training.train` makes for a data set."""

    image_shape: tuple[int, int, int]
    num_classes: int


NETS = {"mnist": Net((28, 28, 1), 10), "cifar10": Net((32, 32, 3), 10)}
_STANDARD = "standard"


@dataclasses.dataclass(frozen=True)
class DefenseRow(Row):
    """One network of the study, with the steps that train and attack it.

    The steps include the training of other networks that it needs. The name of the row is one of
    `WITHOUT_EXAMPLES`, the attack whose examples are trained on, or "T=10".

    Attributes:
      temperature: the temperature of a distilled network, else None.
      network: its `.keras` file, with the card next to it.
      pgd: the directory of the run of PGD on it; None without one.
    """

    temperature: float | None
    network: Path
    pgd: Path | None = None

    def made_of(self) -> list[str] | None:
        """The hashes of `Row.made_of`, and of the network, its card and the run of PGD."""
        run, files = super().made_of(), (self.network, card_of(self.network))
        pgd = [] if self.pgd is None else [whole_run(self.pgd)]
        if run is None or None in pgd or not all(map(Path.is_file, files)):
            return None
        return [*run, *filter(None, pgd), *map(sha256_of, files)]


def card_of(network: Path) -> Path:
    """The card of a network."""
    return network.with_suffix(".json")


@dataclasses.dataclass(frozen=True)
class Networks:
    """The directory of the networks of the study, and the arguments that their commands share.

    Attributes:
      directory: the directory of the study.
      data: arguments that name the data set.
      training: arguments of training.train.
      attack: the attack on all networks.
      parameters: arguments of eval.attack with the attack's hyper-parameters. They also apply to training examples of
        the same attack; other attacks have their defaults.
      attacking: arguments of eval.attack for the attacks on the networks.
      crafting: arguments of eval.attack for the attacks that make training examples.
      pgd: arguments of eval.attack with PGD and its radius; empty for no PGD.
      noise_std: standard deviation of the noise in training, and before the smoothed network, in [0, 1] scale.
      members: the number of networks in the ensemble.
    """

    directory: Path
    data: tuple[str, ...]
    training: tuple[str, ...]
    attack: str
    parameters: tuple[str, ...]
    attacking: tuple[str, ...]
    crafting: tuple[str, ...]
    pgd: tuple[str, ...] = ()
    noise_std: float = NOISE_STD
    members: int = MEMBERS

    def row(self, name: str) -> DefenseRow:
        """The row of the defence `name`: one of `WITHOUT_EXAMPLES`, or an attack whose examples are trained on."""
        if name == NONE:
            return self._row(name, None, _STANDARD)
        if name == PGD:
            return self._row(name, None, PGD, "--variant=pgd")
        if name == ENSEMBLE:
            return self._row(name, None, name, "--variant=ensemble", f"--members={self.members}")
        if name in (NOISE, SMOOTHING):
            # Both are the same network; the smoothed one has noise before it when it is attacked, too.
            transform = (f"--transform=noise:{self.noise_std!r}",) if name == SMOOTHING else ()
            training = ("--variant=noise", f"--noise_std={self.noise_std!r}")
            return self._row(name, None, NOISE, *training, attacked_as=name, transform=transform)
        crafted = self.directory / "adversarial" / name
        how = (f"--attack={name}", *(self.parameters if name == self.attack else ()), *self.crafting)
        craft = Step(
            "eval.attack",
            (*self.data, f"--model={self._network(_STANDARD)}", "--split=train", *how, f"--output_dir={crafted}"),
        )
        retrain = ("--variant=adversarial", f"--adversarial_dataset={crafted}")
        return self._row(name, None, f"adversarial_{name}", *retrain, before=(self._train(_STANDARD), craft))

    def distilled(self, temperature: float) -> DefenseRow:
        """The row of a network distilled at `temperature`."""
        text = repr(temperature).removesuffix(".0")  # the format `g` rounds, and could give two rows one name
        options = ("--variant=distilled", f"--temperature={text}")
        return self._row(f"T={text}", temperature, f"distilled_{text}", *options)

    def _row(
        self,
        name: str,
        temperature: float | None,
        network: str,
        *options: str,
        before: tuple[Step, ...] = (),
        attacked_as: str | None = None,
        transform: tuple[str, ...] = (),
    ) -> DefenseRow:
        """The row of a network.

        Args:
          name, temperature: of the row.
          network: the name of its file.
          options: further arguments of training.train.
          before: steps before the training.
          attacked_as: the name of the directories of its runs; None for that of the network.
          transform: arguments of eval.attack for a random change of the images.
        """
        run, pgd = (self.directory / kind / (attacked_as or network) for kind in ("attacks", "pgd"))
        trained = self._network(network)

        def attack(output: Path, *how: str) -> Step:
            return Step("eval.attack", (*self.data, f"--model={trained}", *transform, *how, f"--output_dir={output}"))

        put_to = [attack(pgd, *self.pgd)] if self.pgd else []
        put_to.append(attack(run, f"--attack={self.attack}", *self.parameters, *self.attacking))
        steps = (*before, self._train(network, *options), *put_to)
        return DefenseRow(name, run, steps, temperature, trained, pgd if self.pgd else None)

    def _network(self, name: str) -> Path:
        return self.directory / "nets" / f"{name}.keras"

    def _train(self, name: str, *options: str) -> Step:
        path = self._network(name)
        arguments = (*self.data, *options, *self.training, f"--output={path}")
        return Step("training.train", arguments, card_of(path))


def check_names(names: Sequence[str]) -> list[str]:
    """The rows of the first table, without duplicates.

    Raises:
      InputError: an unknown name.
    """
    known = (*WITHOUT_EXAMPLES, *ATTACKS)
    for name in names:
        if name not in known:
            raise InputError(f"expected --defenses to be of {', '.join(known)}, received {name!r}")
    return list(dict.fromkeys(names))
