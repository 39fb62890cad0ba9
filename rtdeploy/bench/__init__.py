"""Endpoint + scenario → result: open-loop load, statistics, verdict."""
