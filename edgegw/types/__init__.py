"""The shapes of events and results, for type checkers: nothing is imported at run time."""
