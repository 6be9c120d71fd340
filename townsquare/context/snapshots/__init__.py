"""Snapshots: copies of what queries found, kept for a while to read and to try things on."""
