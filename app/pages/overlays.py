"""The other layers that can be laid over the map: where they are from, how they are drawn, what their colours mean."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from flask import url_for
from sqlalchemy.orm import Session

from app.languages import _, ours
from app.pages.view import METHOD_SIGNS, kind_name, method_name
from foundation.errors import N_
from layers.catalogue import Kind, LayerVersion, shown

POINT, LINE, AREA = "circle", "line", "fill"


@dataclass(frozen=True)
class Look:
    """How a kind is drawn: its shape, and the colours of its categories or ages as tokens of the stylesheet."""

    shape: str
    token: str


# From the bottom to the top, as they lie when one has not ordered them otherwise.
LOOKS: Final = {
    Kind.VETO_AREAS: Look(AREA, "--danger"),
    Kind.ROADS: Look(LINE, "--strong-line"),
    Kind.RIVERS: Look(LINE, "--water"),
    Kind.FACILITIES: Look(POINT, "--accent"),
    Kind.ACTIVE_FIRES: Look(POINT, "--fire"),
}
GROUPS: Final = (
    (N_("Danger"), (Kind.ACTIVE_FIRES, Kind.VETO_AREAS)),
    (N_("Places and ways"), (Kind.FACILITIES, Kind.ROADS, Kind.RIVERS)),
)
ON_AT_FIRST: Final = frozenset({Kind.RIVERS})


@dataclass(frozen=True)
class Overlay:
    """One layer that can be switched on."""

    version: LayerVersion
    look: Look

    @property
    def id(self) -> str:
        """In the address and on the page: the layer's own, so that it stays when a version follows."""
        return str(self.version.layer_id)[:8]

    @property
    def on_at_first(self) -> bool:
        """Whether it is shown to somebody who has chosen nothing."""
        return self.version.layer.kind in ON_AT_FIRST

    @property
    def rests(self) -> str:
        """Producer, vintage and how sure it is."""
        v = self.version
        return f"{ours(v.producer)} · {ours(v.vintage)} · {METHOD_SIGNS[v.method]} {method_name(v.method)}"


def overlays(session: Session) -> list[tuple[str, list[Overlay]]]:
    """(group, its layers) of what there is, groups without any left out."""
    found = []
    for name, kinds in GROUPS:
        inside = [Overlay(version, LOOKS[kind]) for kind in kinds for version in shown(session, kind)]
        if inside:
            found.append((_(name), inside))
    return found


def described(groups: list[tuple[str, list[Overlay]]]) -> list[dict[str, Any]]:
    """What the page's script needs, the lowest first."""
    order = list(LOOKS)
    flat = sorted((o for _name, inside in groups for o in inside), key=lambda o: order.index(o.version.layer.kind))
    return [
        {
            "id": overlay.id,
            "kind": overlay.version.layer.kind.value,
            "name": f"{kind_name(overlay.version.layer.kind)}: {ours(overlay.version.layer.name)}",
            "shape": overlay.look.shape,
            "token": overlay.look.token,
            "on": overlay.on_at_first,
            "url": url_for("tiles.features", version=overlay.version.id, z=0, x=0, y=0).removesuffix("/0/0/0.mvt")
            + "/{z}/{x}/{y}.mvt",
        }
        for overlay in flat
    ]
