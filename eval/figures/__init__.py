"""Figures that programs write."""
