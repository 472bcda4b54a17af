"""Whose a directory is, what each program writes into it, and files that are whole or not there."""
