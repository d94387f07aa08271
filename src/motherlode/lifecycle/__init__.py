"""The model lifecycle graph: what depends on what across systems, and what breaks."""
