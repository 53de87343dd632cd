"""One module per data set; each defines `SOURCE`, and nothing else has to be told about it."""
