"""What can be wrong with files and grids, each as a sentence for the person who must act."""

from __future__ import annotations


def N_(text: str) -> str:  # noqa: N802 - gettext's usual mark
    """Mark a text for translation; it is translated where it is shown."""
    return text


class GisError(Exception):
    """The root: a text to translate and its parameters; str() is the English sentence."""

    text = ""

    def __init__(self, **parameters: object) -> None:
        self.parameters = parameters
        super().__init__(self.text.format(**parameters))


class FileNotUsable(GisError):
    text = N_("{file} cannot be used: {reason}")


class FileMissing(GisError):
    text = N_("{file} does not exist or is not a file.")


class NotALocalFile(GisError):
    text = N_("{file} is not a path of a local file; copy the file here first.")


class WrongFormat(GisError):
    text = N_("{file} is not {expected}; convert it first.")


class NotOneShapefile(WrongFormat):
    text = N_("{file} holds {shapes} Shapefiles; make an archive of the one that counts.")


class Damaged(GisError):
    text = N_("{file} is cut short or damaged and cannot be read whole; get the file again. ({detail})")


class TooLarge(GisError):
    text = N_(
        "{file} declares {declared:,} cells, more than the {limit:,} that are allowed; cut it to the area needed."
    )


class BlocksTooLarge(GisError):
    text = N_("{file} is stored in blocks of {size_mb} MB; rewrite it with tiles: gdal_translate -of COG.")


class NoCrs(GisError):
    text = N_("{file} has no coordinate reference system; set it with the one it was made in.")


class UnknownCrs(GisError):
    text = N_("{file} has a coordinate reference system that cannot be converted to the population's; reproject it.")


class NotGeoreferenced(GisError):
    text = N_("{file} does not say where its cells lie (no geotransform); georeference it first.")


class RotatedGrid(GisError):
    text = N_("{file} has a rotated grid, which a population raster may not have; warp it to a north-up grid first.")


class WrongBands(GisError):
    text = N_("{file} has {bands} bands; give a file with the one band that counts.")


class WrongCellType(GisError):
    text = N_("{file} holds {dtype} cells; real numbers are needed.")


class NegativePeople(GisError):
    text = N_(
        "{file} has {cells} cells with negative people (the first, {value}, in row {row}, column {column}); "
        "declare the nodata value if that is one, or correct the cells."
    )


class UndeclaredNodata(GisError):
    text = N_(
        "{file} has {cells} cells of {value}, which looks like a nodata value that the file does not declare and "
        "would be counted; declare it with gdal_edit.py -a_nodata {value}, or correct the cells."
    )


class NoPeople(GisError):
    text = N_("{file} has no cell with people in it.")


class WrongGeometry(GisError):
    text = N_("{file}, feature {feature}: the geometry is {found}; polygons are needed.")


class EmptyLayer(GisError):
    text = N_("{file} has no features.")


class WhichLayer(GisError):
    text = N_("{file} has several layers ({layers}); name one as {file}:LAYER.")


class OneLayerNeeded(GisError):
    text = N_("{file} has several layers ({layers}); give a file with only the one that counts.")


class NoSuchLayer(GisError):
    text = N_("{file} has no layer {layer}; it has {layers}.")


class NoSuchField(GisError):
    text = N_("{file} has no field {field}; it has {fields}.")


class EmptyField(GisError):
    text = N_("{file}, feature {feature}: the field {field} is empty; every zone needs a name.")


class ReservedName(GisError):
    text = N_("{file}, feature {feature}: a zone may not be called {name}, which names the row of sums; rename it.")


class CoordinatesOffEarth(GisError):
    text = N_(
        "{file} says its coordinates are degrees, but has {value}; it was made in another coordinate reference system."
    )


class CoordinatesTooFar(GisError):
    text = N_("{file} has the coordinate {value}, which is nowhere on Earth; check its coordinate reference system.")


class NoOverlap(GisError):
    text = N_("{file} lies nowhere over the population raster; check both files' area and coordinate reference.")


class SameName(GisError):
    text = N_("Two hazard files are called {name}; rename one, their rows could not be told apart.")


class WrongEdges(GisError):
    text = N_("The class edges {edges} must be finite numbers that rise from left to right.")


class WrongThreshold(GisError):
    text = N_("The threshold {threshold} is not a finite number.")


class WrongReturnPeriods(GisError):
    text = N_("Return periods must be positive, finite and different from each other; these are {return_periods}.")


class GridMismatch(GisError):
    text = N_("The array has {found} cells (rows, columns); the grid has {expected}.")


class HostileArchive(GisError):
    text = N_("{file} is refused.")


class TooManyMembers(HostileArchive):
    text = N_("{file} is refused: it has {members} members, more than {limit}.")


class MemberOutside(HostileArchive):
    text = N_("{file} is refused: the path {member} leads out of the archive.")


class MemberIsLink(HostileArchive):
    text = N_("{file} is refused: {member} is a link.")


class UnpacksTooMuch(HostileArchive):
    text = N_("{file} is refused: it would unpack to more than {limit} times its size.")


class UnpacksTooLarge(HostileArchive):
    text = N_("{file} is refused: it would unpack to more than {limit_gib} GiB.")


class WrongLegend(GisError):
    text = N_("The legend of {file} cannot be used: {reason}.")


class WrongClassCount(WrongLegend):
    text = N_("The legend of {file} cannot be used: it has {classes} classes, 1 to {most} can be drawn.")


class ClassesOverlap(WrongLegend):
    text = N_("The legend of {file} cannot be used: {one} overlaps {other}.")


class UnknownLegend(WrongLegend):
    text = N_("The legend of {file} cannot be used: {given} is none of {known} and no list of classes.")


class NoValues(GisError):
    text = N_("{file} has no cell with a value in it.")


class TooDeep(GisError):
    text = N_(
        "{file} has {cells} cells deeper than {limit:g} m (the first, {value}, in row {row}, column {column}); "
        "were centimetres taken for metres? Give depths in metres."
    )


class NegativeDepth(GisError):
    text = N_(
        "{file} has {cells} cells with a negative depth (the first, {value}, in row {row}, column {column}); "
        "declare the nodata value if that is one, or correct the cells."
    )


class NoFireWeatherIndex(GisError):
    text = N_(
        "{file} has {cells} cells outside 0 to {limit:g} (the first, {value}, in row {row}, column {column}), which no "
        "Fire Weather Index is; declare the nodata value if that is one, or name the legend that the values have."
    )


class NoElevation(GisError):
    text = N_(
        "{file} has {cells} cells outside {low:g} to {high:g} m (the first, {value}, in row {row}, column {column}); "
        "declare the nodata value if that is one, or give elevations in metres."
    )


class LegendMissing(GisError):
    text = N_("{file} needs a legend that says what its values mean; give its classes, or effis_fwi.")


class WrongFootprint(GisError):
    text = N_("The footprint given for {file} cannot be used: it must be a polygon in degrees, as WKT.")


class FormatTooOld(GisError):
    text = N_("{file} was kept in an older format; import its layer again.")


class TileOutside(GisError):
    text = N_("There is no tile {z}/{x}/{y} of this layer.")


class WrongGeometryType(GisError):
    text = N_("{file}, feature {feature}: the geometry is {found}; {needed} are needed.")


class NotNearTheCountry(GisError):
    text = N_(
        "{file} lies nowhere near the country (it covers {found}); check its coordinate reference system, or give the "
        "file of this country."
    )


class SwappedAxes(GisError):
    text = N_("{file} has longitude and latitude swapped (it covers {found}); exchange the two columns.")


class MissingColumns(GisError):
    text = N_("{file} lacks {missing}; it has the columns {columns}. Say which column holds what.")


class EmptyCode(GisError):
    text = N_("{file}, {where}: there is no code; every area needs its official one.")


class DuplicateCodes(GisError):
    text = N_("{file} has these codes more than once: {codes}; every area may come once, merge or correct them.")


class UnknownCodes(GisError):
    text = N_("{file} names areas that are not known here: {codes}; correct them, or import the areas first.")


class NoMunicipality(GisError):
    text = N_("{file} has no place in a municipality that is known here; import the municipalities first.")


class UnknownNames(GisError):
    text = N_("{file} has names that fit no area: {names}; give the codes, or a crosswalk from these names to them.")


class BadValues(GisError):
    text = N_("{file} has {count} values that cannot be used ({values}); correct them and bring the file again.")


class MangledDates(GisError):
    text = N_(
        "{file} has {count} dates that are not written like 2024-07-31 ({values}): a spreadsheet has saved it anew and "
        "changed them. Download it again and bring it without opening it in a spreadsheet."
    )


class WrongOption(GisError):
    text = N_("The option {option} cannot be {value}; {expected}.")


class SensitiveColumn(GisError):
    text = N_("{file}: the column {column} tells of ethnicity, faith or language, which is never imported.")


class WrongUnit(GisError):
    text = N_("{file} cannot be read in {unit}; say one of: {units}.")


class WrongNumber(GisError):
    text = N_("{file}: {option} is {value}; give a number above 0.")
