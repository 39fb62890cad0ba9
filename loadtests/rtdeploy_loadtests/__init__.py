"""The load generator: open-loop Locust in a process of its own, spoken to through a file and a socket."""
