"""How problem (2) is solved."""
