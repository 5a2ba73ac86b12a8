"""Coordinate reference systems as files name them, and as they are meant."""

from __future__ import annotations

from pyproj import CRS, Transformer
from pyproj.exceptions import CRSError, ProjError

from gis.errors import NoCrs


def system(file: str, said: str | None) -> CRS:
    """The system that a file names, by code or as WKT.

    A deprecated code means its replacement: what is written as "MGI / Balkans zone 6" (EPSG:31276) lies on the datum
    MGI 1901, and by the letter all of Bosnia and Herzegovina would come 400 m off. Raises NoCrs.
    """
    if not said:
        raise NoCrs(file=file)
    try:
        crs = CRS.from_user_input(said)
        # WKT in another dialect cannot say that it is deprecated; 50: the same numbers, names may differ.
        code = crs.to_epsg(min_confidence=50)
        meant = (CRS.from_epsg(code) if code else crs).get_non_deprecated()
    except CRSError as error:
        raise NoCrs(file=file) from error
    if not (crs.is_geographic or crs.is_projected):
        raise NoCrs(file=file)
    return meant[0] if meant else crs


def same_crs(one: CRS, other: CRS) -> bool:
    """True where both mean the same places, whatever they are called; files hold x, y, however axes are ordered."""
    if one.equals(other, ignore_axis_order=True):
        return True
    on = one.geodetic_crs, other.geodetic_crs
    if None in on or not on[0].equals(on[1], ignore_axis_order=True):  # type: ignore[union-attr]
        return False
    return one.is_projected and other.is_projected and _projection(one) == _projection(other)


def _projection(crs: CRS) -> tuple[object, ...]:
    operation = crs.coordinate_operation
    assert operation is not None  # noqa: S101 - of a projected system
    axes = sorted((axis.direction, axis.unit_conversion_factor) for axis in crs.axis_info)
    numbers = sorted((p.name, float(p.value) * p.unit_conversion_factor) for p in operation.params)
    return operation.method_name, axes, numbers


def datum_unknown(crs: CRS, to: CRS, x: float, y: float) -> bool:
    """True where nobody told how the ellipsoids of two systems lie to each other: places are then hundreds of m off."""
    ours, theirs = crs.ellipsoid, to.ellipsoid
    if ours is None or theirs is None or abs(ours.semi_major_metre - theirs.semi_major_metre) < 1:
        return False
    try:
        transformer = Transformer.from_crs(crs, to, always_xy=True)
        transformer.transform(x, y)
        used = transformer.get_last_used_operation()
    except ProjError:
        return False
    return "Ballpark" in used.description
