"""From a folder of speech to CSV manifests; each corpus has a script,
`<corpus>_prepare.py`.
"""
