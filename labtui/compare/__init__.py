"""Whether a comparison is valid, and whether the gain is real.

`cells.cells` gathers runs into cells, `table.table` judges them, `export` and `report` write down what came out.
Nothing here knows a screen, a catalog file or torch. Importing this package loads none of its modules: numpy and scipy
are paid for when a table is made.
"""
