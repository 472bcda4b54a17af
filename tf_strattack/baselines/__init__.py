"""The attacks that the structured one is compared with, called alike."""

from tf_strattack.baselines.carlini_wagner import CarliniWagnerL2

__all__ = ["CarliniWagnerL2"]
