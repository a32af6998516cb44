"""Clips as rows of numbers or as images: what the models read, computed clip by clip, resumable anywhere."""
