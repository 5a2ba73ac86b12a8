# ruff: noqa: E501
"""The reference figures that revision 0002 enters. Frozen with it: a correction is a new migration or an edit."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

# Key: (source, edition, status). What was read in InaSAFE's files or code, and not in the work that they name, is
# secondary; so is what our notes call so.
SOURCES: Final = {
    "sphere": ("Sphere", None, "official"),
    "sphere 2004": ("Sphere", "2004", "official"),
    "sphere 2011": ("Sphere (open.edu); InterWorks", "2011", "official"),
    "sphere 2018": ("Sphere", "2018, p. 117–118", "official"),
    "sphere 2018 secondary": ("Sphere", "2018", "secondary"),
    "sphere shelter": ("Sphere; UNHCR (knowledgepoint 445)", "2004/2011", "official"),
    "unhcr site": ("UNHCR; InterWorks comparison", "2001", "official"),
    "unhcr planning": ("UNHCR Settlement Planning; InterWorks comparison", None, "secondary"),
    "unhcr wash": ("UNHCR WASH standards (scribd 612329898)", "March 2018", "official"),
    "latrines": ("emersan; emergency-wash", None, "official"),
    "bnpb": ("BNPB Perka 7/2008, in InaSAFE's minimum_needs", "2008", "secondary"),
    "inasafe sphere": ("Sphere, in InaSAFE's minimum_needs/SPHERE.json", None, "secondary"),
    "inasafe philippines": ("Philippines, in InaSAFE's minimum_needs", None, "secondary"),
    "inasafe generic flood": ("InaSAFE, code: generic flood classes", None, "secondary"),
    "inasafe petabencana": ("InaSAFE, code: PetaBencana flood classes", None, "secondary"),
    "inasafe generic": ("InaSAFE, code: generic hazard classes", None, "secondary"),
}

# code | name | value | unit | phase, or depths in metres | key of the source
STANDARDS: Final = """
sphere.covered_area                     | Covered area                    | ≥ 3.5    | m²/person          | any | sphere shelter
sphere.covered_area.cold_or_urban       | Covered area, cold or in towns  | 4.5–5.5  | m²/person          | any | sphere shelter
sphere.shelter_height                   | Height of a shelter             | ≥ 2      | m                  | any | sphere shelter
sphere.water                            | Water                           | ≥ 15     | L/person/day       | any | sphere
sphere.water.survival                   | Water to survive                | 7.5–15   | L/person/day       | survival | sphere
sphere.water.survival.drinking_and_food | Water to drink and in food      | 2.5–3    | L/person/day       | survival | sphere
sphere.water.survival.hygiene           | Water for basic hygiene         | 2–6      | L/person/day       | survival | sphere
sphere.water.survival.cooking           | Water for cooking               | 3–6      | L/person/day       | survival | sphere
sphere.water_point.distance             | Way to the water point          | ≤ 500    | m                  | any | sphere
sphere.water_point.people_per_tap       | People per tap                  | ≤ 250    | persons/tap        | any | sphere
sphere.water_point.tap_flow             | Flow of a tap                   | ≥ 0.125  | L/s                | any | sphere
sphere.water_point.queue_2004           | Queue at the water point        | ≤ 15     | min                | any | sphere 2004
sphere.water_point.queue_2018           | Queue at the water point        | ≤ 30     | min                | any | sphere 2018 secondary
sphere.people_per_toilet.emergency      | People per toilet               | ≤ 50     | persons/toilet     | emergency | sphere 2018
sphere.people_per_toilet.post_emergency | People per toilet               | ≤ 20     | persons/toilet     | post_emergency | sphere 2018
sphere.toilets.female_per_male          | Women's toilets per men's toilet | = 3     | toilets/toilet     | any | sphere 2018
sphere.toilets.distance                 | Way to the toilet               | ≤ 50     | m                  | any | sphere 2018
sphere.bath_soap                        | Bath soap                       | ≥ 250    | g/person/month     | any | sphere 2011
sphere.laundry_soap                     | Laundry soap                    | ≥ 200    | g/person/month     | any | sphere 2011
sphere.water_containers                 | Water containers                | ≥ 2      | containers/household | any | sphere 2011
sphere.water_container_volume           | Volume of a water container     | 10–20    | L/container        | any | sphere 2011
sphere.people_per_washbasin             | People per washbasin            | ≤ 100    | persons/washbasin  | any | sphere 2011
sphere.bin_volume                       | Volume of a refuse bin          | ≥ 100    | L/bin              | any | sphere 2011
sphere.families_per_bin                 | Families per refuse bin         | ≤ 10     | families/bin       | any | sphere 2011
unhcr_sites.area                        | Site area                       | ≥ 45     | m²/person          | any | unhcr site
unhcr_sites.area.lowest                 | Site area, the least, no gardens | ≥ 30    | m²/person          | any | unhcr site
unhcr_sites.fire_break                  | Width of a fire break           | ≥ 30     | m                  | any | unhcr planning
unhcr_sites.fire_break.built_length     | Built length between fire breaks | ≤ 300   | m                  | any | unhcr planning
unhcr_sites.shelter_spacing             | Distance between shelters       | ≥ 2      | m                  | any | unhcr planning
unhcr_sites.slope                       | Slope of the site               | 2–4      | %                  | any | unhcr planning
unhcr_sites.slope.most                  | Slope of the site, the most     | ≤ 10     | %                  | any | unhcr planning
unhcr_wash.water.emergency              | Water                           | ≥ 15     | L/person/day       | emergency | unhcr wash
unhcr_wash.water.post_emergency         | Water                           | ≥ 20     | L/person/day       | post_emergency | unhcr wash
unhcr_wash.water_distance.emergency     | Way to the water point          | ≤ 500    | m                  | emergency | unhcr wash
unhcr_wash.water_distance.post_emergency | Way to the water point         | ≤ 200    | m                  | post_emergency | unhcr wash
unhcr_wash.people_per_tap.emergency     | People per tap                  | ≤ 250    | persons/tap        | emergency | unhcr wash
unhcr_wash.people_per_tap.post_emergency | People per tap                 | ≤ 100    | persons/tap        | post_emergency | unhcr wash
unhcr_wash.people_per_pump.emergency    | People per pump or well         | ≤ 500    | persons/pump       | emergency | unhcr wash
unhcr_wash.people_per_pump.post_emergency | People per pump or well       | ≤ 250    | persons/pump       | post_emergency | unhcr wash
unhcr_wash.people_per_toilet.emergency  | People per toilet               | ≤ 50     | persons/toilet     | emergency | unhcr wash
unhcr_wash.people_per_toilet.post_emergency | People per toilet           | ≤ 20     | persons/toilet     | post_emergency | unhcr wash
unhcr_wash.people_per_shower.emergency  | People per shower               | ≤ 50     | persons/shower     | emergency | unhcr wash
unhcr_wash.people_per_shower.post_emergency | People per shower           | ≤ 20     | persons/shower     | post_emergency | unhcr wash
unhcr_wash.people_per_promoter.emergency | People per hygiene promoter    | ≤ 500    | persons/promoter   | emergency | unhcr wash
unhcr_wash.people_per_promoter.post_emergency | People per hygiene promoter | ≤ 1000 | persons/promoter   | post_emergency | unhcr wash
unhcr_wash.free_chlorine                | Free residual chlorine          | 0.2–2    | mg/L               | any | unhcr wash
unhcr_wash.turbidity                    | Turbidity                       | ≤ 5      | NTU                | any | unhcr wash
latrines.distance_to_water              | Latrine's distance from water   | ≥ 30     | m                  | any | latrines
latrines.pit_above_water_table          | Pit's height above groundwater  | ≥ 1.5    | m                  | any | latrines
latrines.accessible                     | Latrines accessible to everyone | ≥ 15     | %                  | any | latrines
"""

NEEDS: Final = """
bnpb_perka_7_2008.rice                  | Rice                            | = 2.8    | kg/person/week     | any | bnpb
bnpb_perka_7_2008.drinking_water        | Drinking water                  | = 17.5   | L/person/week      | any | bnpb
bnpb_perka_7_2008.clean_water           | Clean water                     | = 67     | L/person/week      | any | bnpb
bnpb_perka_7_2008.family_kits           | Family kits                     | = 0.2    | kits/person/week   | any | bnpb
bnpb_perka_7_2008.toilets               | Toilets                         | = 0.05   | toilets/person     | any | bnpb
sphere_needs.food                       | Food                            | = 2100   | kcal/person/day    | any | inasafe sphere
sphere_needs.water                      | Water                           | = 15     | L/person/day       | any | sphere
sphere_needs.soap                       | Soap                            | = 250    | g/person/month     | any | inasafe sphere
sphere_needs.detergent                  | Detergent                       | = 200    | g/person/month     | any | inasafe sphere
sphere_needs.toilets                    | Toilets                         | = 0.05   | toilets/person     | any | inasafe sphere
sphere_needs.washing_places             | Washing places                  | = 0.01   | places/person      | any | inasafe sphere
sphere_needs.mattresses                 | Mattresses                      | = 1      | mattresses/person  | any | inasafe sphere
sphere_needs.bed_nets                   | Bed nets                        | = 1      | nets/person        | any | inasafe sphere
sphere_needs.floor                      | Floor                           | = 3.5    | m²/person          | any | inasafe sphere
sphere_needs.water_containers           | Water containers                | = 0.2    | containers/person  | any | inasafe sphere
sphere_needs.stoves                     | Stoves                          | = 0.2    | stoves/person      | any | inasafe sphere
sphere_needs.saucepans                  | Saucepans                       | = 0.2    | saucepans/person   | any | inasafe sphere
philippines.food_packs                  | Food packs                      | = 0.2    | packs/person/day   | any | inasafe philippines
philippines.drinking_water              | Drinking water                  | = 3      | L/person/day       | any | inasafe philippines
philippines.clean_water                 | Clean water                     | = 12     | L/person/day       | any | inasafe philippines
philippines.child_space                 | Space for children              | = 0.084  | m²/person          | any | inasafe philippines
"""

# Two orders of magnitude apart: whoever computes names the one they use.
DISPLACEMENT_RATES: Final = """
inasafe_generic_flood.wet               | Flood, wet                      | = 0.01   | share of exposed people | 1–       | inasafe generic flood
inasafe_petabencana.high                | Flood, high                     | = 0.05   | share of exposed people | 1.5–     | inasafe petabencana
inasafe_petabencana.medium              | Flood, medium                   | = 0.03   | share of exposed people | 0.7–1.5  | inasafe petabencana
inasafe_petabencana.low                 | Flood, low                      | = 0.01   | share of exposed people | 0.1–0.7  | inasafe petabencana
inasafe_generic.high                    | Any hazard, high                | = 1      | share of exposed people | –        | inasafe generic
inasafe_generic.medium                  | Any hazard, medium              | = 1      | share of exposed people | –        | inasafe generic
"""

NOTES: Final = {
    "unhcr_wash.turbidity": "Strictly below.",
    "bnpb_perka_7_2008.family_kits": "One per household of five.",
    "sphere_needs.water": "InaSAFE's file says 15 litres a week, which is a mistake: Sphere's figure is per day.",
}
RULES: Final = {"≥": "at_least", "≤": "at_most", "=": "exactly"}


def figures() -> list[dict[str, Any]]:
    """The rows to insert, without their ids."""
    tables = {"standard": STANDARDS, "need": NEEDS, "displacement_rate": DISPLACEMENT_RATES}
    return [_row(kind, line) for kind, table in tables.items() for line in table.strip().splitlines()]


def _row(kind: str, line: str) -> dict[str, Any]:
    code, name, value, unit, scope, key = (cell.strip() for cell in line.split("|"))
    source, edition, status = SOURCES[key]
    sign, _, number = value.partition(" ")
    low, high = (number, None) if number else value.split("–")
    depths = scope.split("–") if kind == "displacement_rate" else ("", "")
    return {
        "code": code,
        "revision": 1,
        "kind": kind,
        "profile": code.partition(".")[0],
        "name": name,
        "value": Decimal(low),
        "upper": Decimal(high) if high else None,
        "unit": unit,
        "rule": RULES.get(sign, "between"),
        "phase": "any" if kind == "displacement_rate" else scope,
        "from_depth_m": Decimal(depths[0]) if depths[0] else None,
        "to_depth_m": Decimal(depths[1]) if depths[1] else None,
        "source": source,
        "edition": edition,
        "status": status,
        "note": NOTES.get(code),
    }
