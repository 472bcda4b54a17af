"""JSON schemas (2020-12) of metrics.json, manifest.json and the rows of labels.csv."""
