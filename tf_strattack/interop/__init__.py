"""The structured attack within other toolboxes: `interop.foolbox` and `interop.art`, each with its own extra."""
