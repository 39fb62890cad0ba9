"""The conformance suite that every provider inherits; for authors of providers."""
