"""Training of the networks that the attacks are measured on."""

from eval.quiet import import_tensorflow

import_tensorflow()
