"""Accounts: how people and machines come in, and what administrators do about it."""
