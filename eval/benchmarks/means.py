"""The measures of a batch of perturbations in several sections: success rate, and means over successful examples."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from tf_strattack import metrics
from tf_strattack.typing import Images


def means(delta: Images, success: npt.NDArray[np.bool_], groups: Any) -> dict[str, float | None]:
    """ASR of the perturbations (N, H, W, C) in [0, 1] scale, and means over the successful ones; None without any.

    `groups` are the groups to count, as in `metrics.nonzero_groups`.
    """
    found = delta[success]
    if not len(found):
        return {"asr": 0.0, **dict.fromkeys((*metrics.DISTANCES, "nonzero_groups"))}
    return {
        "asr": float(success.mean()),
        **{name: float(distance(found).mean()) for name, distance in metrics.DISTANCES.items()},
        "nonzero_groups": float(metrics.nonzero_groups(found, groups).mean()),
    }
