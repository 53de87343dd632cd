"""One run on the whole screen: figures, curves, test images, spec and log."""
