"""Seals footage so that nobody opens it alone; reads and writes bytes, and nothing else."""
