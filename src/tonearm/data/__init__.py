"""What there is to learn from: folders, metadata, tables and pictures as clips with labels, artists and splits."""
