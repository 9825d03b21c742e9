"""From a finished run to a folder that others can load, and to the hub."""
