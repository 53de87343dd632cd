"""Whether a comparison is valid, and whether the gain is real.

`cells.cells` groups runs into cells, `table.compare_cells` compares them, `render` and `report` write the result.
Nothing here imports a screen, the catalog or torch. Importing this package loads none of its modules: numpy and scipy
are loaded when a table is made.
"""
