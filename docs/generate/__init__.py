"""Documents made from the code: what travels on topics, what the doors answer, what may happen to a case."""
