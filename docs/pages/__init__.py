"""What the documentation's pages are made of: generators, directives and the check of links."""
