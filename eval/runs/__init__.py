"""The engine of every program that attacks: which examples, shard by shard; stored, checked, resumed, verified."""
