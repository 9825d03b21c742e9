"""Scores of predictions that any system made."""
