"""Tables: values once, rendered for the terminal, as Markdown, as CSV and in reports."""
