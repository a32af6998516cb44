"""Clips divided into training, validation and test parts, and the signs that a division leaks."""
