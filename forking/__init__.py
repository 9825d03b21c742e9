"""A start for a new corpus, and the export of a recipe for SpeechBrain."""
