"""From a folder of speech to CSV manifests, a script for each corpus."""
