"""Charts: what is drawn, how it is drawn, and the screen that fills the terminal with it."""
