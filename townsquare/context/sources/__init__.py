"""Context sources: other brokers that know a part of the city, and what they are asked."""
