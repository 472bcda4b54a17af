"""How batches run: devices, compiled programs, rows, progress, files."""
