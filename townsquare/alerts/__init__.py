"""Notice what needs an operator, and follow it until it is acknowledged and over."""
