"""Doors into other people's frameworks, one module each; none is imported unless asked for."""
