"""Programs that run, measure and show the attacks, and what only programs need."""

from eval.quiet import import_tensorflow

import_tensorflow()
