"""Subscriptions: news of entities for programs outside (clause 5.8)."""
