"""The section `structured`: how few groups every attack changes by its evaluations, against the best known."""
