"""Programs outside ask to be told of changes, and are told (clauses 5.8 and 7)."""
