"""Images to start from if an attack from the originals fails: a pool for all examples, or some for each."""

from __future__ import annotations

import dataclasses
from typing import Any

from tf_strattack.checks import as_array
from tf_strattack.classifiers.classifier import Classifier
from tf_strattack.errors import InputError
from tf_strattack.image_checks import check_images
from tf_strattack.typing import Images, Places


@dataclasses.dataclass(frozen=True)
class StartingPoints:
    """Valid images in the classifier's scale, of any classes.

    Attributes:
      images: a pool (P, H, W, C), or K for each of the N examples, (N, K, H, W, C).
    """

    images: Images

    @classmethod
    def checked(cls, given: Any, classifier: Classifier, originals: Images) -> StartingPoints | None:
        """The caller's points for the `originals` (N, H, W, C); None for none.

        Raises:
          InputError: other shapes, or values out of bounds.
        """
        if given is None:
            return None
        points = as_array(given, "starting points")
        shape = originals.shape[1:]
        sizes = ", ".join(map(str, shape))
        if points.ndim == 5 and points.shape[0] != len(originals):
            raise InputError(
                f"expected starting points of shape ({len(originals)}, K, {sizes}), some for each example, "
                f"received {points.shape}"
            )
        if points.ndim not in (4, 5) or points.shape[-3:] != shape:
            raise InputError(
                f"expected starting points of shape (P, {sizes}), a pool, or (N, K, {sizes}), received {points.shape}"
            )
        if not points.size:
            return None
        valid = check_images(points.reshape(-1, *shape), classifier.bounds, shape, "starting points")
        return cls(valid.reshape(points.shape))

    def __getitem__(self, rows: Places | slice) -> StartingPoints:
        """The points of some of the examples."""
        return self if self.images.ndim == 4 else StartingPoints(self.images[rows])

    def of(self, row: int) -> Images:
        """The points of one example, (K, H, W, C)."""
        return self.images if self.images.ndim == 4 else self.images[row]

    @property
    def number(self) -> int:
        """The number of points of an example."""
        return len(self.of(0))
