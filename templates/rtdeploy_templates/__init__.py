"""Project templates and report templates, as package data."""
