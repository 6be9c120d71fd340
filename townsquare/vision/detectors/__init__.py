"""Models that find road users: which may be loaded, what runs them, and how their kinds answer."""
