"""JSON schemas (2020-12) of metrics.json, metrics.sarif, manifest.json and the rows of labels.csv."""
