"""The structured attack in other toolboxes: `interop.foolbox`, `interop.art`, `interop.maite`, each with an extra."""
