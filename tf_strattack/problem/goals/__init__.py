"""The goals of attacks: `Goal`, and one file for each kind."""
