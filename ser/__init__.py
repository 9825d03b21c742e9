"""What the programs of this repository share, in the order of the data:
audio, encoder, pooling, embedding store, head, checkpoint, metrics, report.
"""
