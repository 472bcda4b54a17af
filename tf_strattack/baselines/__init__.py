"""The attacks that the structured one is compared with, called alike."""

from tf_strattack.baselines.carlini_wagner import CarliniWagnerL2
from tf_strattack.baselines.elastic_net import ElasticNet
from tf_strattack.baselines.fgm import FGM, IFGM

__all__ = ["FGM", "IFGM", "CarliniWagnerL2", "ElasticNet"]
