"""What a pipeline of continuous integration reads: conditions that fail a run, and metrics.sarif."""
