"""Defaults of the study of defences; without imports, so that --help starts fast."""

# The standard deviation of noise, in [0, 1] scale, and the number of networks in an ensemble.
NOISE_STD, MEMBERS = 0.25, 3
