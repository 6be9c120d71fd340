"""The policy of the town: which one is in force, how another one comes, and what it means."""
