"""Programs that set several runs beside each other."""
