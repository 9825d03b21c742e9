"""From what a command line names to tables, pictures and bulk jobs."""
