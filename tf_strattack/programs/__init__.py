"""What the absl programs share: `eval` and `training` are made of it, `import tf_strattack` does not import it."""
