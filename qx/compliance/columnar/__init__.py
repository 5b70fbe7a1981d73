"""The rules over columns: many transactions at once, each with exactly the answer that it would get alone."""
