"""Approvals: what somebody asks for, and others agree to with their passkeys."""
