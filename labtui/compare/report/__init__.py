"""The lab report, written from the runs: one HTML file without any outside resource, or Markdown with its figures.

`content.compose` makes the document, `writing.write` puts it on disk. matplotlib is imported when figures are drawn.
"""
