"""Backups of a town, made while it runs, and brought back into an empty folder."""
