"""The engine of every program that attacks: plans examples, attacks shard by shard, stores, resumes and verifies."""
