"""What a page shows of a stored file, read in parts and bounded: tables, images, JSON, text, Markdown, notebooks."""
