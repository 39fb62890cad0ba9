"""Take a trained model to a real-time endpoint and prove that it meets its latency budget."""

__version__ = "0.1.0"
