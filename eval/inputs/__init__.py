"""Inputs of the programs: networks, data sets, attacks."""
