"""What `eval.generate` is made of: the plan, the shards, and who attacks them."""
