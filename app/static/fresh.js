/* Keeps a part of a page up to date: <section id="…" data-fresh="5" data-stale="The server does not answer. …">. It is
   asked for again every so many seconds while it is seen and nobody uses it. Without a script there is a link for it. */

const part = document.querySelector("[data-fresh]");

function used() {
    return part.contains(document.activeElement) || !getSelection().isCollapsed;
}

function say(stale) {
    let line = document.getElementById(`${part.id}-stale`);
    if (!line) {
        line = document.createElement("p");
        line.id = `${part.id}-stale`;
        line.className = "warn";
        line.setAttribute("role", "status");
        part.before(line);
    }
    line.hidden = !stale;
    line.textContent = stale ? part.dataset.stale : "";
}

async function again() {
    if (document.hidden || used()) return;
    try {
        const answer = await fetch(location.href, { headers: { Accept: "text/html" }, cache: "no-store" });
        if (!answer.ok) throw new Error(String(answer.status));
        const found = new DOMParser().parseFromString(await answer.text(), "text/html").getElementById(part.id);
        if (!found) return location.reload(); // somebody has signed out meanwhile
        if (!used()) part.replaceChildren(...document.adoptNode(found).childNodes);
        say(false);
    } catch {
        say(true);
    }
}

setInterval(again, 1000 * Number(part.dataset.fresh));
document.addEventListener("visibilitychange", again);
