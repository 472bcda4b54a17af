"""Which pixels belong together: the groups D_i of problem (2), as `groups=` takes them."""

from tf_strattack.problem.groups.base import Groups, GroupStructure
from tf_strattack.problem.groups.grids import blocks, channels, columns, patches, rows, windows
from tf_strattack.problem.groups.label_groups import LabelGroups
from tf_strattack.problem.groups.label_map import LabelMap
from tf_strattack.problem.groups.regions import objects, superpixels
from tf_strattack.problem.groups.sliding_mask import SlidingGroups, SlidingMask, as_structure
from tf_strattack.problem.groups.union import Union
from tf_strattack.problem.groups.union_groups import UnionGroups

__all__ = [
    "GroupStructure",
    "Groups",
    "LabelGroups",
    "LabelMap",
    "SlidingGroups",
    "SlidingMask",
    "Union",
    "UnionGroups",
    "as_structure",
    "blocks",
    "channels",
    "columns",
    "objects",
    "patches",
    "rows",
    "superpixels",
    "windows",
]
