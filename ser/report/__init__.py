"""What a run, or a cross-validation, came to: tables, text and pages."""
