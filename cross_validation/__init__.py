"""Cross-validation: its runs, where they are made, and what sums them up."""
