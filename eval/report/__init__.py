"""report.html: what a run was, found and looks like, in one file that needs nothing else."""
