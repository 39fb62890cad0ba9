"""The ruler: load generators measured against a server whose latencies are known."""
