"""What is solved: eqs. (1) to (3), (10) to (12), and what must come true."""
