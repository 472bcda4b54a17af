"""The structured attack within other toolboxes: `interop.foolbox` and `interop.art`, each with an extra of its name."""
