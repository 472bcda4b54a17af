"""The comparison of attacks behind `python -m eval.table1`."""
