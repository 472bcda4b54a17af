"""What is solved: eqs. (1) to (3), (10) to (12), and what must come true."""

from tf_strattack.problem import distortions, groups

__all__ = ["distortions", "groups"]
