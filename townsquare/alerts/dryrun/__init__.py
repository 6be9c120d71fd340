"""What a rule would have raised, had it held for the last 30 days."""
