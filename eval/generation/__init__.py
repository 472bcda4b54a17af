"""The parts of `eval.generate`: its flags, the program, and PNG files."""
