"""Shared code of the absl programs in `eval` and `training`; `import tf_strattack` does not import it."""
