"""Programs that run, measure and show the attacks, and what only programs need."""

import os

# Before TensorFlow is first imported: its start-up notes would bury a program's own output.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
