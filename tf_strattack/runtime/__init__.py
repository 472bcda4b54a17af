"""The machinery of batches: devices, compiled programs, rows, progress, files."""
