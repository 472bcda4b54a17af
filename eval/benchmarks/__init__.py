"""The sections of `python -m eval.benchmark`, one per module."""
