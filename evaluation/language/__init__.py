"""Text of answers: Markdown, headings, sentences, what they assert and what they call a cause."""
