"""Pure renderers: values in, lines of spans out. Nothing here knows Textual, so everything is tested as text."""
