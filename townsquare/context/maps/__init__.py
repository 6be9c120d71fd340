"""Entity maps: what a query found and where, kept so that all its pages are of the same."""
