"""eval.acceptance: the promises of attacks, tried on a network that the flags name or on the shipped ones."""
