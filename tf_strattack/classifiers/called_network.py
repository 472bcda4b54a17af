"""A network as its owner calls it: its output, logits for gradients, and whether it has changed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import tensorflow as tf

from tf_strattack.checks import check_bounds, check_choice, check_function
from tf_strattack.classifiers.adapted import Adapted, Network
from tf_strattack.classifiers.identity import same_parts
from tf_strattack.classifiers.inspection import Findings, inspect
from tf_strattack.classifiers.outputs import KINDS, LOGITS, as_logits, check_output, select_output
from tf_strattack.classifiers.probe import Probe
from tf_strattack.classifiers.surroundings import check_surroundings
from tf_strattack.errors import InputError
from tf_strattack.image_checks import check_images
from tf_strattack.runtime.causes import out_of_memory
from tf_strattack.runtime.programs import Programs
from tf_strattack.typing import Images

# How many images show whether the network has changed, and the change of scores that counts as one.
_FEW, _CHANGE, _COARSE_CHANGE = 2, 1e-3, 5e-2


class CalledNetwork(Programs):
    """The part of `Classifier` that calls the network, whatever it was made from."""

    def __init__(
        self,
        adapted: Adapted,
        *,
        bounds: Sequence[float] = (0.0, 1.0),
        preprocessing: Callable[[tf.Tensor], tf.Tensor] | None = None,
        outputs: str | None = None,
        output: str | int | None = None,
        stochastic: bool = False,
    ) -> None:
        """Wraps an adapted network; prefer the `from_...` constructors.

        Args:
          adapted: the network as a function, with the known facts about its input.
          bounds: (lower, upper) of valid pixels, the scale in which images are given and returned.
          preprocessing: applied to images inside the graph, before the network; must be differentiable.
          outputs: "logits", "probabilities" or "sigmoid"; None finds out at first use.
          output: the name or the place of the output that holds the class scores, if there are several.
          stochastic: whether the network is random from call to call, for an `Expectation`.

        Raises:
          InputError: bounds that are not an interval, or options of another kind.
        """
        super().__init__()
        if outputs is not None:
            check_choice("outputs", outputs, KINDS)
        if not isinstance(stochastic, bool):
            raise InputError(f"expected stochastic to be True or False, received {stochastic!r}")
        self.bounds = check_bounds(bounds)
        check_function("preprocessing", preprocessing, "lambda images: (images - mean) / std")
        self.image_shape = None if preprocessing else adapted.image_shape  # it may be another one before it
        # What is known of the function counts: a softmax that the caller has seen may be taken off.
        self.outputs = LOGITS if adapted.logits is not None else adapted.outputs or outputs
        self.num_classes: int | None = None
        self.stochastic = stochastic
        self.generation = 0  # how often the network has changed
        self._stated = outputs
        self._adapted = adapted
        self._preprocessing = preprocessing
        self._output = check_output(output)
        self._findings: Findings | None = None
        self._parts: list[Any] | None = None

    def watched(self, around: Callable[[Network], Network]) -> Self:
        """The same network, each of whose functions is `around` the own one; it shares no compiled program with this.

        A network that changes is not seen to do so.
        """
        own = self._adapted
        adapted = own._replace(
            function=around(own.function),
            logits=None if own.logits is None else around(own.logits),
            predict=None if own.predict is None else around(own.predict),
            parts=None,
            again=None,
            may_change=False,
        )
        return type(self)(
            adapted,
            bounds=self.bounds,
            preprocessing=self._preprocessing,
            outputs=self._stated,
            output=self._output,
            stochastic=self.stochastic,
        )

    @property
    def resolution(self) -> float:
        """By how much, in logits, rounding in less than float32 can move a margin: 0 for a network in float32."""
        return 0.0 if self._findings is None else self._findings.resolution

    @property
    def unit(self) -> float:
        """What counts as one logit: 1, or a smaller power of ten for a network whose logits are far below 1."""
        return 1.0 if self._findings is None else self._findings.unit

    @property
    def single_score(self) -> bool:
        """Whether the network returns one number for each image, for two classes."""
        return self._findings is not None and self._findings.single

    @property
    def returned(self) -> str:
        """The kind of the network's own output, if known: "logits", "probabilities" or "sigmoid"."""
        return self._kind

    def scores(self, images: tf.Tensor, positions: tf.Tensor | None = None) -> tf.Tensor:
        """The output of the network for `images` (N, H, W, C), a tensor in the caller's scale: (N, K) float32.

        `positions` (N,) are the rows of the images in the caller's array, for inputs with a row for each; None: 0, 1,
        ...
        """
        return tf.cast(self._own(images, positions), tf.float32)

    def logits(self, images: tf.Tensor, positions: tf.Tensor | None = None) -> tf.Tensor:
        """Logits (N, K) of `images` (N, H, W, C), a tensor in the caller's scale; differentiable, also within a graph.

        Probabilities become log-probabilities, which have the same margins as the logits behind them, and a single
        score z the two logits (-z, z). `positions` as in `scores`.
        """
        found = self._findings
        if self._adapted.logits is not None and (found is None or found.behind_head):
            values = self._adapted.logits(self._preprocessed(images), positions)
            return as_logits(tf.cast(values, tf.float32), LOGITS)
        return as_logits(self.scores(images, positions), self._kind)

    def prepare(self, images: Any, positions: npt.NDArray[np.int32] | None = None) -> Images:
        """Checks `images` (N, H, W, C), and at first use the network with them; returns them as float32.

        Raises:
          InputError: images of another kind, shape or range, a network that fails a check, a call within a graph, or
            another number of images than other inputs have rows (if `positions` does not say which these are).
        """
        check_surroundings()
        self._renew()
        array = check_images(images, self.bounds, self.image_shape)
        rows = self._adapted.rows
        if rows is not None and positions is None and len(array) != rows:
            raise InputError(f"expected {rows} images, one for each row of inputs=, received {len(array)}")
        if self._findings is None and len(array):
            self._inspect(array)
        return array

    def check_unchanged(self, images: Images, positions: npt.NDArray[np.int32]) -> None:
        """Drops the compiled programs and checks the network again, if it has changed since they were compiled.

        Args:
          images: (N, H, W, C) as from `prepare`; the first few show a change.
          positions: (N,) as in `scores`.

        Raises:
          InputError: the changed network fails a check.
        """
        few, places = images[:_FEW], positions[:_FEW]
        if self._findings is None or not len(few) or not self._adapted.may_change or self.stochastic:
            return
        try:
            compiled = self._own_scores(few, places, None)
            now = self.scores(tf.constant(few), tf.constant(places)).numpy()
        except Exception as error:
            if out_of_memory(error):
                return  # the attack itself will report how many images fit
            raise
        tolerance = _CHANGE if self.resolution == 0 else _COARSE_CHANGE
        if now.shape != compiled.shape or np.abs(now - compiled).max() > tolerance * np.abs(now).max():
            self._forget()
            self._inspect(images)

    def _renew(self) -> None:
        """Adapts the network again if its layers or methods have changed since the last check."""
        parts, again = self._adapted.parts, self._adapted.again
        if self._parts is None or parts is None or again is None or same_parts(self._parts, parts()):
            return
        self._adapted = again()
        self.image_shape = None if self._preprocessing else self._adapted.image_shape
        self._forget()

    def _forget(self) -> None:
        self._findings, self._parts = None, None
        self._remembered.clear()
        self.generation += 1

    def _inspect(self, images: Images) -> None:
        adapted = self._adapted
        logits = adapted.logits
        also = None
        if adapted.also is not None:
            name, other = adapted.also
            also = name, lambda images, places: self._selected(other(self._preprocessed(images), places))
        seen = adapted._replace(
            logits=None if logits is None else lambda images, places: logits(self._preprocessed(images), places),
            predict=None if adapted.predict is None else self._predicted,
            also=also,
        )
        states = [(variable, variable.numpy()) for variable in adapted.states()]
        try:
            self._findings = inspect(self._own, seen, self._stated, Probe.of(images, self.bounds), self.stochastic)
        finally:
            for variable, value in states:  # such as moving averages, if the network is trained further
                variable.assign(value)
        self.num_classes = self._findings.num_classes
        self.outputs = LOGITS if self._findings.behind_head else self._findings.kind
        self._parts = None if adapted.parts is None else adapted.parts()

    @property
    def _kind(self) -> str:
        """The kind of its output, if known; see `outputs.KINDS`."""
        if self._findings is not None:
            return self._findings.kind
        return self._stated or self._adapted.outputs or LOGITS

    def _preprocessed(self, images: tf.Tensor) -> tf.Tensor:
        return images if self._preprocessing is None else self._preprocessing(images)

    def _selected(self, outputs: Any) -> tf.Tensor:
        scores = tf.convert_to_tensor(select_output(outputs, self._output, self._adapted.output_names))
        return scores[:, None] if scores.shape.rank == 1 else scores

    def _predicted(self, images: tf.Tensor, positions: tf.Tensor) -> tf.Tensor:
        """The output of the owner's `predict`, (N, K) float32."""
        if self._adapted.predict is None:
            raise ValueError("the network has no predict of its own")
        found = self._adapted.predict(self._preprocessed(images), positions)
        if isinstance(found, list) and np.ndim(found) in (1, 2) and not isinstance(found[0], np.ndarray | tf.Tensor):
            found = np.asarray(found)  # numbers in lists
        single = isinstance(found, np.ndarray) or tf.is_tensor(found)  # an output that predict itself has selected
        scores = tf.cast(tf.convert_to_tensor(found) if single else self._selected(found), tf.float32)
        return scores[:, None] if scores.shape.rank == 1 else scores

    def _own(self, images: tf.Tensor, positions: tf.Tensor | None) -> tf.Tensor:
        """The output of the network, called as its owner calls it, in its own precision."""
        return self._selected(self._adapted.function(self._preprocessed(images), positions))

    def _own_scores(
        self, images: Images, positions: npt.NDArray[np.int32], batch_size: int | None
    ) -> npt.NDArray[np.float32]:
        """The output of the network for images (N, H, W, C), called as its owner calls it: (N, K)."""
        parts = list(self.stream("scores", self.scores, images, positions, batch_size=batch_size))
        return np.concatenate(parts) if parts else np.zeros((0, self.num_classes or 2), np.float32)
