// The other layers of the map: each with a switch, its opacity and its place above or below the others. What is chosen
// lives in the address: layers=id:opacity,… from the lowest to the highest.

const DAY_S = 86_400;

export function moreLayers(map, setup, state, { remember, token, tiles, words }) {
    const box = document.getElementById("layers");
    if (!box) return;
    const known = new Map(setup.layers.map((layer) => [layer.id, layer]));
    let shown = begin();

    function begin() {
        if (state.layers === null) return setup.layers.filter((layer) => layer.on).map((layer) => [layer.id, 90]);
        return state.layers
            .split(",")
            .map((one) => one.split(":"))
            .filter(([id]) => known.has(id))
            .map(([id, opacity]) => [id, Math.min(100, Math.max(10, Number(opacity) || 90))]);
    }

    const item = (id) => box.querySelector(`[data-layer="${CSS.escape(id)}"]`);

    function paint(layer) {
        const colour = token(layer.token);
        const zoomed = (small, large) => ["interpolate", ["linear"], ["zoom"], 6, small, 12, large];
        if (layer.shape === "line") return { "line-color": colour, "line-width": zoomed(1, 3) };
        if (layer.shape === "fill") return { "fill-color": colour, "fill-outline-color": token("--text") };
        const common = {
            "circle-radius": zoomed(2.5, 7),
            "circle-stroke-color": token("--halo"),
            "circle-stroke-width": 1,
        };
        if (layer.kind !== "active_fires") return { ...common, "circle-color": colour };
        const age = ["-", Date.now() / 1000, ["coalesce", ["get", "observed_s"], 0]];
        const ages = ["step", age, token("--fire"), DAY_S, token("--fire-days"), 3 * DAY_S, token("--fire-older")];
        return { ...common, "circle-color": ages };
    }

    function show() {
        for (const layer of setup.layers) {
            if (map.getLayer(`more-${layer.id}`)) map.removeLayer(`more-${layer.id}`);
        }
        for (const [id, opacity] of shown) {
            const layer = known.get(id);
            if (!map.getSource(`more-${id}`)) {
                map.addSource(`more-${id}`, { type: "vector", tiles: [tiles(layer.url)], maxzoom: 14 });
            }
            map.addLayer(
                {
                    id: `more-${id}`,
                    type: layer.shape,
                    source: `more-${id}`,
                    "source-layer": "features",
                    paint: { ...paint(layer), [`${layer.shape}-opacity`]: opacity / 100 },
                },
                "chosen-halo",
            );
        }
        for (const layer of setup.layers) {
            const line = item(layer.id);
            if (!line) continue;
            const place = shown.findIndex(([id]) => id === layer.id);
            line.querySelector("[type=checkbox]").checked = place >= 0;
            const slider = line.querySelector("[type=range]");
            slider.disabled = place < 0;
            if (place >= 0) slider.value = shown[place][1];
            const [higher, lower] = line.querySelectorAll("button");
            higher.disabled = place < 0 || place === shown.length - 1;
            lower.disabled = place <= 0;
        }
    }

    function keep() {
        state.layers = shown.map(([id, opacity]) => `${id}:${opacity}`).join(",") || "none";
        remember();
        show();
    }

    box.addEventListener("change", (event) => {
        const id = event.target.closest("[data-layer]")?.dataset.layer;
        if (!id || event.target.type !== "checkbox") return;
        const rank = (one) => setup.layers.findIndex((layer) => layer.id === one);
        shown = shown.filter(([one]) => one !== id);
        if (event.target.checked) {
            const place = shown.findIndex(([one]) => rank(one) > rank(id));
            shown.splice(place < 0 ? shown.length : place, 0, [id, Number(item(id).querySelector("[type=range]").value)]);
        }
        keep();
    });
    box.addEventListener("input", (event) => {
        if (event.target.type !== "range") return;
        const id = event.target.closest("[data-layer]").dataset.layer;
        const one = shown.find(([other]) => other === id);
        if (!one) return;
        one[1] = Number(event.target.value);
        map.setPaintProperty(`more-${id}`, `${known.get(id).shape}-opacity`, one[1] / 100);
        state.layers = shown.map(([other, opacity]) => `${other}:${opacity}`).join(",");
        remember();
    });
    box.addEventListener("click", (event) => {
        const button = event.target.closest("[data-order]");
        if (!button) return;
        const id = button.closest("[data-layer]").dataset.layer;
        const place = shown.findIndex(([one]) => one === id);
        const other = place + Number(button.dataset.order);
        if (place < 0 || other < 0 || other >= shown.length) return;
        [shown[place], shown[other]] = [shown[other], shown[place]];
        keep();
    });

    // What a feature is, where one points at it.
    const tip = document.getElementById("hover");
    for (const layer of setup.layers) {
        if (layer.shape === "line") continue;
        map.on("mousemove", `more-${layer.id}`, (event) => {
            const { name, category, observed_s: observed } = event.features[0].properties;
            const parts = [layer.name.split(":")[0], name || category].filter(Boolean);
            if (observed) {
                const hours = Math.max(0, Math.round((Date.now() / 1000 - observed) / 3600));
                const [word, number] = hours < 72 ? ["hours", hours] : ["days", Math.round(hours / 24)];
                parts.push(words[word].replace(`{${word}}`, number));
            }
            tip.textContent = parts.join(" · ");
            tip.hidden = false;
        });
    }
    if (shown.some(([id]) => !known.get(id).on)) box.open = true;
    show();
}
