"""Which pixels belong together: the groups D_i of problem (2), as `groups=` takes them."""

from tf_strattack.problem.groups.base import Groups, GroupStructure
from tf_strattack.problem.groups.label_groups import LabelGroups
from tf_strattack.problem.groups.label_map import LabelMap
from tf_strattack.problem.groups.makers import columns, objects, rows, superpixels
from tf_strattack.problem.groups.sliding_mask import SlidingGroups, SlidingMask, as_structure

__all__ = [
    "GroupStructure",
    "Groups",
    "LabelGroups",
    "LabelMap",
    "SlidingGroups",
    "SlidingMask",
    "as_structure",
    "columns",
    "objects",
    "rows",
    "superpixels",
]
