"""Training of the networks that the attacks are measured on."""
