"""tonearm."""
