"""Ownership of directories, the files of each program in them, and files that are complete or absent."""
