"""Tell the public what the town does: its cameras, and their counts by the hour."""
