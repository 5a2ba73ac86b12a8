"""Arrays and frames in, arrays and frames out: grids, coverage, exposure. Knows no database and no web."""
