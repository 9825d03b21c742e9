"""Keeps pytest out of the templates, whose names are not a corpus's yet."""

collect_ignore = ["templates"]
