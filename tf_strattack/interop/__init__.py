"""The structured attack in other toolboxes, each with the extra of its name."""
