"""tonearm models."""
