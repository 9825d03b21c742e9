"""What fork.py copies, with another name in place of MyCorpus."""
