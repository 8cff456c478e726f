// Which address shows what (`OPENS` in gateway/envoy/web_client.py serves the page there).

const ROUTES = [
  [/^\/$/, "home"],
  [/^\/callback$/, "callback"],
  [/^\/search$/, "search"],
  [/^\/notifications$/, "notifications"],
  [/^\/requests$/, "requests"],
  [/^\/muted-words$/, "muted"],
  [/^\/@(?<handle>\w{1,15})$/, "profile"],
  [/^\/@(?<handle>\w{1,15})\/(?<part>followers|following)$/, "profile"],
  [/^\/@\w{1,15}\/status\/(?<id>\d{1,19})$/, "thread"],
];

/** Give `{name, ...parts}` of a path; the name is `nowhere` for all others. */
export function routeOf(path) {
  for (const [pattern, name] of ROUTES) {
    const found = pattern.exec(path);
    if (found) return { name, ...found.groups };
  }
  return { name: "nowhere" };
}

/** Follow links of this client, and what opens on a click, without a load. */
export function followLinks(go) {
  document.addEventListener("click", (event) => {
    if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const anchor = event.target.closest("a[href]");
    if (anchor) {
      const isOurs = anchor.origin === location.origin && !anchor.target && routeOf(anchor.pathname).name !== "nowhere";
      if (!isOurs || anchor.getAttribute("href").startsWith("#")) return;
      event.preventDefault();
      go(anchor.pathname + anchor.search);
      return;
    }
    if (event.target.closest("button, input, textarea, form, dialog, label")) return;
    // Who marks text does not mean to leave.
    if (String(getSelection()) !== "") return;
    const open = event.target.closest("[data-open]")?.dataset.open;
    if (open) go(open);
  });
}
