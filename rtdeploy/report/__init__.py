"""Results → terminal, HTML, Markdown, JUnit."""
