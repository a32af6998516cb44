"""The machine under the work: files that are whole or absent, URLs, processes and clusters, memory."""
