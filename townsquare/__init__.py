"""Townsquare: a city operations platform that a town runs itself, answers for, and can leave."""

__version__ = "0.1.0"
