"""Desired against observed → plan → rollout; providers only report and make one change at a time."""
