"""The comparison of experiments: its table, the details of a row, differences of specs, exports."""
