"""Tables of values, rendered for the terminal, as Markdown, as CSV and in reports."""
