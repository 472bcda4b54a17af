"""The plugin, as `strattack.toml` describes it. Dioptra runs a copy of this folder."""

try:
    import dioptra.pyplugs  # noqa: F401 - here and not in tasks.py: Dioptra finds tasks by imports outside of `try`
except ImportError as error:
    raise ImportError(f"expected Dioptra, received none ({error}): pip install tf-strattack[dioptra]") from error
