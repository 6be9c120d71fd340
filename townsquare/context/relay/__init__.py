"""Subscriptions passed on to context sources, and what these tell (clauses 5.8.1.4 and 5.8.6)."""
