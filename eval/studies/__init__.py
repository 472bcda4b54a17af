"""Programs that compare several runs."""
