"""Which attacks there are: one file each, and what they share in `attack.py`."""
