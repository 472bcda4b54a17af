"""What the flags name: networks, data sets, attacks."""
