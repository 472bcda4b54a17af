"""What `python -m eval.benchmark` measures, a section a module."""
