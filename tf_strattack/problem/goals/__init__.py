"""What must come true of an example: `Goal`, and one file for each kind."""
