"""One module per data set; each defines `SOURCE`. Adding a module is all that a new data set needs."""
