"""What a collection holds before it is used: durations, broken files, duplicates and copies of one recording."""
