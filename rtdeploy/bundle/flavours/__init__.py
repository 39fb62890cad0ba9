"""One module per model format: recognise it, describe it, load it."""
