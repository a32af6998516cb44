"""A person's library of tagged music: plans of what to write into it, the writing, and taking it back."""
