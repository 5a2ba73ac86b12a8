/* What every page can do with a script: keys, and drafts of forms that are kept while one types. Without it, pages work. */

const byId = (id) => document.getElementById(id);

/* Keys: / searches, g and a letter goes somewhere, ? helps, Escape closes a menu. */

const GOES_TO = { h: 0, m: 1, t: 2 };
let going = false;

function typing(target) {
    return target.closest("input, textarea, select, [contenteditable]");
}

document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") {
        for (const menu of document.querySelectorAll("header details[open]")) {
            menu.open = false;
            menu.querySelector("summary").focus();
        }
        return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
    if (going) {
        going = false;
        const link = document.querySelectorAll("header nav a")[GOES_TO[event.key]];
        if (link) link.click();
        return;
    }
    if (event.key === "g") {
        going = true;
        setTimeout(() => (going = false), 1500);
    } else if (event.key === "/") {
        const search = document.querySelector("input[type=search], [data-search]");
        if (search) {
            event.preventDefault();
            search.focus();
            search.select();
        }
    } else if (event.key === "?") {
        const help = document.querySelector(".foot details") || document.querySelector('a[href="/help"]');
        if (help instanceof HTMLDetailsElement) {
            help.open = true;
            help.scrollIntoView();
            help.querySelector("summary").focus();
        } else if (help) {
            help.click();
        }
    }
});

document.addEventListener("click", (event) => {
    for (const menu of document.querySelectorAll("header details[open]")) {
        if (!menu.contains(event.target)) menu.open = false;
    }
});

/* Drafts: <form data-draft="address" data-saved="Kept as a draft at {time}" data-restored="…" data-lost="…" data-drop="…"> */

const LEFT_OUT = new Set(["csrf_token", "acting", "next"]);

function entriesOf(form) {
    const entries = {};
    for (const [name, value] of new FormData(form)) {
        if (LEFT_OUT.has(name) || typeof value !== "string") continue;
        if (name in entries) entries[name] = [].concat(entries[name], value);
        else entries[name] = value;
    }
    return entries;
}

function put(form, entries) {
    for (const field of form.elements) {
        if (!field.name || LEFT_OUT.has(field.name) || !(field.name in entries) || field.type === "file") continue;
        const values = [].concat(entries[field.name]);
        if (field.type === "checkbox" || field.type === "radio") field.checked = values.includes(field.value);
        else if (field.type !== "hidden") field.value = values[0];
    }
}

function say(form, key, time) {
    const state = byId("draft-state");
    state.hidden = false;
    state.textContent = (form.dataset[key] || "").replace("{time}", time || "");
}

async function keep(form, entries) {
    const answer = await fetch(form.dataset.draft, {
        method: "POST",
        credentials: "same-origin",
        headers: { "Content-Type": "application/json", "X-CSRFToken": form.elements.csrf_token.value },
        body: JSON.stringify(entries),
    });
    if (!answer.ok) throw new Error(String(answer.status));
    return answer.json();
}

function watch(form) {
    const backup = `draft:${form.dataset.draft}`;
    const untouched = JSON.stringify(entriesOf(form));
    let waiting = 0;
    let sent = false;

    const save = async () => {
        if (sent) return;
        const entries = entriesOf(form);
        try {
            const { saved } = await keep(form, entries);
            localStorage.removeItem(backup);
            say(form, "saved", saved);
        } catch {
            // The link is gone: keep it here until it is back.
            try {
                localStorage.setItem(backup, JSON.stringify(entries));
            } catch {
                /* no room, or not allowed */
            }
            say(form, "lost");
            waiting = setTimeout(save, 10_000);
        }
    };
    form.addEventListener("input", () => {
        clearTimeout(waiting);
        waiting = setTimeout(save, 1000);
    });
    form.addEventListener("submit", () => {
        sent = true;
        clearTimeout(waiting);
        localStorage.removeItem(backup);
    });

    (async () => {
        let found = {};
        try {
            found = await (await fetch(form.dataset.draft, { credentials: "same-origin" })).json();
        } catch {
            /* what is kept here may be there all the same */
        }
        const here = localStorage.getItem(backup);
        const entries = here ? JSON.parse(here) : found.entries;
        // An answer to a form that was sent shows what was typed already.
        if (!entries || form.dataset.answered || JSON.stringify(entries) === untouched) return;
        put(form, entries);
        form.dispatchEvent(new Event("restored"));
        say(form, "restored", found.saved);
        if (here) save();
    })();
}

for (const form of document.querySelectorAll("form[data-draft]")) watch(form);
