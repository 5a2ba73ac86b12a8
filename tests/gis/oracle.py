"""The rule as it is written down, cell by cell with shapely: slow, and sharing nothing with what it checks."""

import shapely


def cell_box(grid, row, column):
    left = grid.left + column * grid.cell_width
    top = grid.top - row * grid.cell_height
    return shapely.box(left, top - grid.cell_height, left + grid.cell_width, top)


def cell_boxes(grid):
    return [[cell_box(grid, row, column) for column in range(grid.nx)] for row in range(grid.ny)]


def share(cell, *polygons):
    """Area share of a cell that the polygons cover together."""
    return sum(shapely.area(shapely.intersection(cell, polygon)) for polygon in polygons) / shapely.area(cell)


def shares(polygon, grid):
    return [[share(cell, polygon) for cell in row] for row in cell_boxes(grid)]


def exposed(zone, people, grid, hazard, hazard_grid, threshold):
    """People of a zone in hazard cells at or above the threshold; both grids in one CRS."""
    wet = [
        cell_box(hazard_grid, row, column)
        for row in range(hazard_grid.ny)
        for column in range(hazard_grid.nx)
        if hazard[row][column] >= threshold
    ]
    return sum(
        people[row][column] * share(cell, zone) * share(cell, *wet)
        for row, cells in enumerate(cell_boxes(grid))
        for column, cell in enumerate(cells)
    )


def not_modelled(zone, people, grid, bounds):
    """People of a zone outside what the hazard says anything about."""
    return sum(
        people[row][column] * share(cell, zone) * (1 - share(cell, bounds))
        for row, cells in enumerate(cell_boxes(grid))
        for column, cell in enumerate(cells)
    )
