"""Whether the town is well: one list of checks, for people, commands and Prometheus."""
