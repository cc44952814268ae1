"""What intake knows of a case, and what may be done with it: pure functions, no clock, no database, no topic."""
