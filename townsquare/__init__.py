"""Townsquare: a city operations platform that a town runs, answers for, and can leave."""

__version__ = "0.1.0"
