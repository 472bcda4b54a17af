"""Structured adversarial attacks (StrAttack, ICLR 2019, arXiv 1808.01664) for TensorFlow and Keras.

The public names are listed in `__init__.pyi`. Each is imported when it is first used, so that importing the package, or
its errors alone, does not import TensorFlow.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
