"""report.html: the setting, the figures and the images of a run, in one self-contained file."""
