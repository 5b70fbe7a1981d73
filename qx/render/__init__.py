"""Floor 6: values become text, JSON, HTML and SVG. Pure: nothing here prints, reads a clock or asks a terminal."""
