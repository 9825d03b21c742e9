"""What every recipe shares, in the order of the data: audio, encoder, pooling,
embeddings, head, metrics; the reports on top are in `ser.report`.
"""
