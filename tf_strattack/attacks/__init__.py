"""The attacks: one file each. `attack.py` has what they share."""
