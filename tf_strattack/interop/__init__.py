"""Attacks in other toolboxes: `interop.foolbox`, `art`, `maite` and `torch`, each with an extra of that name."""
