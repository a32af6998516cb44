"""Clips as feature rows or images: what the models read, computed clip by clip and resumable at any point."""
