"""Charts as inline SVG, drawn from raw samples; they need no script and no network."""
