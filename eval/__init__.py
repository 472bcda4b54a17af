"""Programs that run, measure and show the attacks, and what only programs need."""
