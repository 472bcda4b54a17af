"""Programs that run, measure and show the attacks, and code that only programs need."""

import sys

from tf_strattack.programs.interrupts import quit_at_once

if sys.argv[:1] == ["-m"]:  # a program of this package is being started
    quit_at_once()
