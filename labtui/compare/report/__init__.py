"""The lab report, written from the runs: one self-contained HTML file, or Markdown with its figures.

`write.compose` makes the document, `write.write` puts it on disk. matplotlib is imported when figures are drawn.
"""
