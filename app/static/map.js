// The map page: MapLibre draws, the server decides what is written. Without WebGL 2 the portable map takes its place.
import {
    AttributionControl,
    Map as GlMap,
    NavigationControl,
    ScaleControl,
} from "./vendor/maplibre-gl-6.17.0/maplibre-gl.mjs";
import { moreLayers } from "./overlays.js";

const NOTHING = ["in", ["get", "id"], ["literal", []]];
const byId = (id) => document.getElementById(id);
const setupText = byId("setup");
if (setupText) start(JSON.parse(setupText.textContent));

function start(setup) {
    const words = setup.words;
    const address = new URL(location.href);
    const state = {
        hazard: document.querySelector("#choose input:checked")?.value ?? null,
        area: address.searchParams.get("area"),
        at: address.searchParams.get("at"),
        over: address.searchParams.get("over"),
        rise: Number(address.searchParams.get("rise")) || 0,
        layers: address.searchParams.get("layers"),
        values: {},
        names: {},
        boxes: {},
    };
    const people = new Intl.NumberFormat(document.documentElement.dataset.numbers, { useGrouping: "always" });
    const clock = new Intl.DateTimeFormat(document.documentElement.dataset.numbers, { timeStyle: "medium", timeZone: "Europe/Sarajevo" });
    const narrow = matchMedia("(max-width: 56rem)");
    let map = null;
    let ready = false;
    let asked = 0;
    let shownAt = new Date();
    let touched = state.over !== null;

    if (state.over === "0") byId("over").checked = false;
    else if (state.over !== null) byId("opacity").value = state.over;

    const token = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

    // The view lives in the address, so that it can be sent to somebody.

    function remember() {
        const now = new URL(location.href);
        const put = (key, value) => (value ? now.searchParams.set(key, value) : now.searchParams.delete(key));
        put("hazard", state.hazard);
        put("area", state.area);
        put("at", state.at);
        put("over", state.over);
        put("rise", state.rise ? String(state.rise) : null);
        put("layers", state.layers);
        history.replaceState(null, "", now);
        for (const link of [byId("to-table"), byId("to-paper"), byId("to-file")]) {
            const to = new URL(link.href);
            if (state.hazard) to.searchParams.set("hazard", state.hazard);
            // The printed and the saved map draw the flood as its layer has it.
            if (state.rise && link.id === "to-table") to.searchParams.set("rise", state.rise);
            else to.searchParams.delete("rise");
            link.href = to;
        }
    }

    function say(sentence) {
        byId("say").textContent = sentence;
        byId("say").hidden = !sentence;
    }

    async function get(url) {
        const answer = await fetch(url, { credentials: "same-origin" });
        if (!answer.ok) throw new Error(String(answer.status));
        return answer;
    }

    const lost = () => say(words.offline.replace("{time}", clock.format(shownAt)));

    // The chosen hazard

    async function load() {
        const turn = ++asked;
        const url = new URL(setup.exposure, location.href);
        if (state.hazard) url.searchParams.set("hazard", state.hazard);
        if (state.rise) url.searchParams.set("rise", state.rise);
        let found;
        try {
            found = await (await get(url)).json();
        } catch {
            lost();
            return;
        }
        if (turn !== asked) return; // another choice was made meanwhile
        shownAt = new Date();
        say("");
        state.values = found.values;
        byId("legend").innerHTML = found.legend;
        byId("summary").innerHTML = found.summary;
        byId("rests").textContent = found.rests;
        byId("rise-box").hidden = !found.can_rise;
        byId("spread").textContent = found.spread;
        byId("spread").hidden = !found.spread;
        // Fire danger lies over the whole country and would hide the numbers; one asks for it.
        if (!touched && state.over === null) byId("over").checked = found.family !== "fire";
        byId("banner").hidden = !found.illustrative;
        if (map) draw(found.overlays);
        else if (byId("simple")) simple();
    }

    function draw(overlays) {
        if (!ready) {
            map.once("drawable", () => draw(overlays));
            return;
        }
        const colours = ["match", ["get", "id"]];
        const blank = [];
        for (const [id, [, colour]] of Object.entries(state.values)) {
            if (colour === null) blank.push(id);
            else colours.push(id, colour);
        }
        const counted = colours.length > 2;
        const none = token("--land");
        map.setPaintProperty("areas", "fill-color", counted ? [...colours, none] : none);
        map.setFilter("blank", ["in", ["get", "id"], ["literal", blank]]);
        hazards(overlays);
    }

    function hazards(overlays) {
        for (const layer of map.getStyle().layers) {
            if (layer.id.startsWith("hazard-")) map.removeLayer(layer.id);
        }
        for (const source of Object.keys(map.getStyle().sources)) {
            if (source.startsWith("hazard-")) map.removeSource(source);
        }
        for (const overlay of overlays) {
            const id = `hazard-${overlay.id}`;
            if (overlay.type === "raster") {
                map.addSource(id, {
                    type: "raster",
                    tiles: [new URL(overlay.url, location.href).href.replaceAll("%7B", "{").replaceAll("%7D", "}")],
                    tileSize: 256,
                    minzoom: overlay.minzoom,
                    maxzoom: overlay.maxzoom,
                    ...(overlay.bounds ? { bounds: overlay.bounds } : {}),
                });
                map.addLayer(
                    { id, type: "raster", source: id, paint: { "raster-fade-duration": 0, "raster-resampling": "nearest" } },
                    "edges",
                );
            } else {
                map.addSource(id, { type: "vector", tiles: [tiles(overlay.url)], maxzoom: 14 });
                map.addLayer(
                    { id, type: "fill", source: id, "source-layer": "features", paint: { "fill-color": token("--water") } },
                    "edges",
                );
            }
        }
        opacity();
    }

    function opacity() {
        const share = byId("over").checked ? Number(byId("opacity").value) / 100 : 0;
        byId("opacity").disabled = !byId("over").checked;
        if (touched) state.over = byId("over").checked ? byId("opacity").value : "0";
        if (!map || !ready) return;
        for (const layer of map.getStyle().layers) {
            if (!layer.id.startsWith("hazard-")) continue;
            map.setPaintProperty(layer.id, layer.type === "raster" ? "raster-opacity" : "fill-opacity", share);
        }
    }

    const tiles = (path) => location.origin + path;

    // The rise of the water

    const slider = byId("rise");
    let sliding = 0;
    slider.value = state.rise;

    function saidRise() {
        const cm = Number(slider.value);
        const sign = cm > 0 ? "+" : cm < 0 ? "−" : "";
        byId("rise-said").textContent = `${sign}${(Math.abs(cm) / 100).toFixed(1).replace(".", words.decimal)} m`;
    }

    slider.addEventListener("input", () => {
        saidRise();
        clearTimeout(sliding);
        sliding = setTimeout(async () => {
            state.rise = Number(slider.value);
            remember();
            await load();
            if (!byId("card").hidden) await choose({ id: chosenId() });
        }, 120);
    });
    saidRise();

    // The map

    function hatching() {
        const canvas = document.createElement("canvas");
        canvas.width = canvas.height = 16;
        const pen = canvas.getContext("2d");
        pen.strokeStyle = token("--strong-line");
        pen.lineWidth = 3;
        for (const x of [-16, 0, 16]) {
            pen.moveTo(x - 2, 18);
            pen.lineTo(x + 18, -2);
        }
        pen.stroke();
        return pen.getImageData(0, 0, 16, 16);
    }

    function style() {
        const text = {
            "text-color": token("--label"),
            "text-halo-color": token("--halo"),
            "text-halo-width": 1.6,
        };
        return {
            version: 8,
            sources: {
                boundaries: {
                    type: "vector",
                    tiles: [tiles(setup.boundaries)],
                    maxzoom: 14,
                    promoteId: { boundaries: "id" },
                },
                places: { type: "geojson", data: { type: "FeatureCollection", features: [] } },
            },
            layers: [
                { id: "ground", type: "background", paint: { "background-color": token("--surface") } },
                area("areas", "fill", { "fill-color": token("--land") }),
                { ...area("blank", "fill", { "fill-pattern": "hatch" }), filter: NOTHING, layout: { visibility: "none" } },
                area("edges", "line", {
                    "line-color": token("--text"),
                    "line-width": ["interpolate", ["linear"], ["zoom"], 6, 0.5, 11, 1.5],
                }),
                {
                    ...area("chosen-halo", "line", { "line-color": token("--halo"), "line-width": 7 }),
                    filter: NOTHING,
                },
                { ...area("chosen", "line", { "line-color": token("--danger"), "line-width": 3.5 }), filter: NOTHING },
                {
                    id: "names",
                    type: "symbol",
                    source: "places",
                    layout: {
                        "text-field": ["get", "name"],
                        "text-font": ["sans-serif"],
                        "text-size": ["interpolate", ["linear"], ["zoom"], 6, 11, 11, 15],
                        "text-max-width": 7,
                        "text-padding": 4,
                        "symbol-sort-key": ["-", 0, ["get", "size"]],
                    },
                    paint: text,
                },
            ],
        };
    }

    function area(id, type, paint) {
        return { id, type, source: "boundaries", "source-layer": "boundaries", paint };
    }

    function open() {
        const place = (state.at ?? "").split(",").map(Number);
        const begin =
            place.length === 3 && place.every(Number.isFinite)
                ? { center: [place[1], place[0]], zoom: place[2] }
                : { bounds: setup.bounds, fitBoundsOptions: { padding: 16 } };
        map = new GlMap({
            container: "map",
            style: style(),
            ...begin,
            minZoom: 4,
            maxZoom: 17,
            dragRotate: false,
            pitchWithRotate: false,
            touchPitch: false,
            attributionControl: false,
            fadeDuration: 0,
            locale: {
                "NavigationControl.ZoomIn": words["zoom in"],
                "NavigationControl.ZoomOut": words["zoom out"],
                "Map.Title": words.map,
            },
        });
        map.touchZoomRotate.disableRotation();
        map.keyboard.disableRotation();
        map.addControl(new NavigationControl({ showCompass: false }), "top-right");
        map.addControl(new ScaleControl({ unit: "metric" }), "bottom-left");
        map.addControl(new AttributionControl({ compact: true, customAttribution: "MapLibre" }), "bottom-right");
        const canvas = map.getCanvas();
        canvas.setAttribute("role", "application");
        canvas.setAttribute("aria-label", words.map);
        map.on("load", async () => {
            map.addImage("hatch", hatching(), { pixelRatio: 2 });
            map.setLayoutProperty("blank", "visibility", "visible");
            ready = true;
            moreLayers(map, setup, state, { remember, token, tiles, words });
            map.fire("drawable");
            outline();
            await label();
        });
        map.on("moveend", () => {
            const centre = map.getCenter();
            state.at = `${centre.lat.toFixed(4)},${centre.lng.toFixed(4)},${map.getZoom().toFixed(2)}`;
            remember();
        });
        map.on("idle", () => byId("map").setAttribute("data-drawn", state.hazard ?? ""));
        map.on("click", (event) => choose(under(event.point)));
        map.on("mousemove", (event) => hover(under(event.point)));
        map.on("mouseout", () => hover(null));
        canvas.addEventListener("keydown", (event) => {
            if (event.key !== "Enter") return;
            const middle = under([canvas.clientWidth / 2, canvas.clientHeight / 2]);
            if (middle) choose(middle, true);
        });
    }

    const under = (point) =>
        ready ? (map.queryRenderedFeatures(point, { layers: ["areas"] })[0]?.properties ?? null) : null;

    function hover(properties) {
        map.getCanvas().style.cursor = properties ? "pointer" : "";
        byId("hover").hidden = !properties;
        if (!properties) return;
        const value = state.values[properties.id]?.[0];
        const name = state.names[properties.id] ?? properties.name;
        byId("hover").textContent =
            value === null || value === undefined
                ? `${name}: ${words["not modelled"]}`
                : `${name}: ${people.format(value)} – ${words["people exposed"]}`;
    }

    async function label() {
        let places;
        try {
            places = await (await get(setup.places)).json();
        } catch {
            lost();
            return;
        }
        const features = places.map(([id, name, x, y, box, size]) => {
            state.names[id] = name;
            state.boxes[id] = box;
            return { type: "Feature", geometry: { type: "Point", coordinates: [x, y] }, properties: { name, size } };
        });
        map.getSource("places").setData({ type: "FeatureCollection", features });
        if (state.area && !state.at) fly(chosenId());
    }

    // A municipality

    const chosenId = () => byId("card-body").querySelector("[data-area]")?.dataset.area ?? null;

    function fly(id) {
        const box = state.boxes[id];
        if (!box || !map) return;
        const calm = matchMedia("(prefers-reduced-motion: reduce)").matches;
        map.fitBounds(box, { padding: 60, maxZoom: 11, duration: calm ? 0 : 500 });
    }

    function outline() {
        if (!map || !ready) return;
        const id = byId("card").hidden ? null : chosenId();
        const filter = id ? ["==", ["get", "id"], id] : NOTHING;
        map.setFilter("chosen", filter);
        map.setFilter("chosen-halo", filter);
    }

    async function choose(properties, focus = false) {
        if (!properties) return;
        const url = new URL(setup.areas.replace("{id}", properties.id), location.href);
        url.searchParams.set("part", "card");
        if (state.hazard) url.searchParams.set("hazard", state.hazard);
        if (state.rise) url.searchParams.set("rise", state.rise);
        try {
            byId("card-body").innerHTML = await (await get(url)).text();
        } catch {
            lost();
            return;
        }
        byId("card").hidden = false;
        byId("summary").hidden = true;
        byId("card").parentElement.scrollTop = 0;
        state.area = byId("card-body").querySelector("[data-code]")?.dataset.code ?? properties.id;
        outline();
        remember();
        if (focus) byId("card-title").focus({ preventScroll: !narrow.matches });
        if (narrow.matches) byId("card").scrollIntoView({ block: "start" });
    }

    function close() {
        const had = byId("card").contains(document.activeElement);
        byId("card").hidden = true;
        byId("summary").hidden = false;
        state.area = null;
        outline();
        remember();
        if (had) (map?.getCanvas() ?? byId("q")).focus();
    }

    byId("close").addEventListener("click", close);
    byId("card-body").addEventListener("click", (event) => {
        const link = event.target.closest("[data-hazard]");
        if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
        const radio = document.querySelector(`#choose input[value="${CSS.escape(link.dataset.hazard)}"]`);
        if (!radio) return;
        event.preventDefault();
        radio.checked = true;
        change();
    });

    byId("summary").addEventListener("click", (event) => {
        const link = event.target.closest("[data-open]");
        if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
        event.preventDefault();
        fly(link.dataset.open);
        choose({ id: link.dataset.open }, true);
    });

    async function change() {
        state.hazard = document.querySelector("#choose input:checked")?.value ?? null;
        byId("map")?.removeAttribute("data-drawn");
        remember();
        await load();
        if (!byId("card").hidden) await choose({ id: chosenId() });
    }

    byId("choose").addEventListener("change", change);
    byId("over").addEventListener("change", () => {
        touched = true;
        opacity();
        remember();
    });
    byId("opacity").addEventListener("input", () => {
        touched = true;
        opacity();
    });
    byId("opacity").addEventListener("change", remember);

    // Search: the server knows how names are spelt

    const box = byId("q");
    const list = byId("found");
    let picked = -1;
    let typing = 0;

    function show(found) {
        list.replaceChildren();
        for (const [index, one] of found.entries()) {
            const item = document.createElement("li");
            item.id = `found-${index}`;
            item.setAttribute("role", "option");
            item.setAttribute("aria-selected", "false");
            item.dataset.id = one.id;
            item.textContent = one.name;
            const above = document.createElement("span");
            above.className = "note";
            above.textContent = one.above;
            item.append(above);
            list.append(item);
        }
        if (!found.length) {
            const none = document.createElement("li");
            none.setAttribute("role", "option");
            none.setAttribute("aria-disabled", "true");
            none.setAttribute("aria-selected", "false");
            none.textContent = words["nothing found"];
            list.append(none);
        }
        list.hidden = false;
        box.setAttribute("aria-expanded", "true");
        pick(found.length ? 0 : -1);
    }

    function hide() {
        list.hidden = true;
        box.setAttribute("aria-expanded", "false");
        box.removeAttribute("aria-activedescendant");
        picked = -1;
    }

    function pick(index) {
        picked = index;
        for (const [i, item] of [...list.children].entries()) item.setAttribute("aria-selected", String(i === index));
        if (index < 0) return box.removeAttribute("aria-activedescendant");
        box.setAttribute("aria-activedescendant", `found-${index}`);
        list.children[index].scrollIntoView({ block: "nearest" });
    }

    async function take(item) {
        if (!item?.dataset.id) return;
        hide();
        box.value = item.firstChild.textContent;
        fly(item.dataset.id);
        await choose({ id: item.dataset.id }, true);
    }

    box.addEventListener("input", () => {
        const turn = ++typing;
        if (!box.value.trim()) return hide();
        setTimeout(async () => {
            if (turn !== typing) return;
            const url = new URL(setup.search, location.href);
            url.searchParams.set("q", box.value);
            try {
                const found = await (await get(url)).json();
                if (turn === typing) show(found);
            } catch {
                lost();
            }
        }, 80);
    });
    box.addEventListener("keydown", (event) => {
        const many = list.querySelectorAll("[data-id]").length;
        if (event.key === "ArrowDown" && many) pick((picked + 1) % many);
        else if (event.key === "ArrowUp" && many) pick((picked - 1 + many) % many);
        else if (event.key === "Escape" && !list.hidden) hide();
        else if (event.key === "Enter" && !list.hidden) take(list.children[picked]);
        else return;
        event.preventDefault();
        event.stopPropagation();
    });
    box.addEventListener("blur", () => setTimeout(hide, 150));
    list.addEventListener("mousedown", (event) => event.preventDefault());
    list.addEventListener("click", (event) => take(event.target.closest("li")));

    document.addEventListener("keydown", (event) => {
        const writes = event.target.matches("input:not([type=radio]):not([type=checkbox]):not([type=range]), select, textarea");
        if (event.key === "/" && !writes) {
            event.preventDefault();
            box.focus();
            box.select();
        } else if (event.key === "Escape" && !byId("card").hidden && !writes) close();
    });

    // Without WebGL 2: the portable map inside this page

    function simple() {
        let frame = byId("simple");
        if (!frame) {
            frame = document.createElement("iframe");
            frame.id = "simple";
            frame.title = words.map;
            byId("map").replaceWith(frame);
            document.querySelector(".opacity").hidden = true;
            say(words["no webgl"]);
        }
        const url = new URL(setup.portable, location.href);
        if (state.hazard) url.searchParams.set("hazard", state.hazard);
        url.searchParams.set("bare", "1");
        if (frame.src !== url.href) frame.src = url;
    }

    try {
        if (!document.createElement("canvas").getContext("webgl2")) throw new Error("no WebGL 2");
        open();
        matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => location.reload());
    } catch {
        map = null;
        simple();
        return;
    }
    load();
}
