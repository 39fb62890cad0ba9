"""The runtime as a supervised process on this machine."""
