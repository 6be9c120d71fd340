"""The OpenAPI 3.1 document of the doors: what can be asked, and what comes back."""
