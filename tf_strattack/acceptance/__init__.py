"""What attacks promise, tried on a network and images: `check` says of each promise whether it is kept, and why not.

The promises are those of every attack of this package, and of one of your own that derives from `Attack`.
"""

from tf_strattack.acceptance.checking import PROMISES, check
from tf_strattack.acceptance.verdict import Report, Verdict

__all__ = ["PROMISES", "Report", "Verdict", "check"]
