"""The problem: eqs. (1) to (3), (10) to (12), and the goals of attacks."""

from tf_strattack.problem import distortions, groups

__all__ = ["distortions", "groups"]
