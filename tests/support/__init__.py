"""What the tests share: fakes, builders of values and folders, fault injection, processes."""
