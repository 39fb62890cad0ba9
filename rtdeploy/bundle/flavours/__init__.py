"""One module per library, all with the same three functions; nothing else knows how a library opens its files."""
