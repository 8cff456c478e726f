// Keys, as on Twitter: they act on the post that has the focus.

import { h } from "./dom.js";

const KEYS = [
  ["j", "Next post"],
  ["k", "Post before"],
  ["l", "Like"],
  ["t", "Retweet"],
  ["r", "Reply"],
  ["q", "Quote"],
  ["Enter", "Open the post"],
  ["n", "New post"],
  [".", "Show new posts"],
  ["/", "Search"],
  ["g h", "Home"],
  ["g n", "Notifications"],
  ["g p", "Your profile"],
  ["g r", "Follow requests"],
  ["g m", "Muted words"],
  ["?", "These keys"],
];
const ACTIONS = { l: "heart", t: "retweet", r: "reply", q: "quote" };

/** Listen to keys; `to` has `go(path)`, `write()` and `me()`. */
export function listenToKeys(to) {
  let afterG = false;
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (event.target.closest("input, textarea, select, dialog[open]")) return;
    const key = event.key;
    const was = afterG;
    afterG = key === "g";
    if (was && leap(to, key)) return event.preventDefault();
    if (act(to, key, event)) event.preventDefault();
  });
}

function leap(to, key) {
  const path = { h: "/", n: "/notifications", r: "/requests", m: "/muted-words", p: `/@${to.me().handle}` }[key];
  if (path) to.go(path);
  return path !== undefined;
}

function act(to, key, event) {
  const rows = [...document.querySelectorAll("main article")];
  const row = document.activeElement?.closest("main article");
  if (key === "j" || key === "k") return step(rows, row, key === "j" ? 1 : -1);
  if (key in ACTIONS) return press(row?.querySelector(`:scope .action.${ACTIONS[key]}`));
  if (key === "Enter" && event.target === row && row?.dataset.open) return to.go(row.dataset.open), true;
  if (key === "n") return to.write(), true;
  if (key === ".") return press(document.querySelector("button.new:not([hidden])"));
  if (key === "/") return focusSearch(to);
  if (key === "?") return openHelp(), true;
  return false;
}

function step(rows, row, by) {
  const at = row ? rows.indexOf(row) + by : by > 0 ? 0 : -1;
  const next = rows[at];
  if (!next) return false;
  next.focus({ preventScroll: true });
  next.scrollIntoView({ block: "nearest" });
  return true;
}

function press(button) {
  button?.click();
  return button !== undefined && button !== null;
}

function focusSearch(to) {
  const field = [...document.querySelectorAll("input[type=search]")].find((one) => one.checkVisibility());
  if (!field) to.go("/search");
  field?.focus();
  field?.select();
  return true;
}

/** Say which keys there are. */
export function openHelp() {
  const dialog = h(
    "dialog",
    { class: "sheet", "aria-label": "Keys" },
    h("div", { class: "fields" },
      h("h2", {}, "Keys"),
      h("dl", { class: "keys" }, KEYS.map(([key, what]) => h("div", {}, h("dt", {}, key.split(" ").map((one) => h("kbd", {}, one))), h("dd", {}, what)))),
      h("div", { class: "bar" }, h("button", { type: "button", class: "pill strong", onclick: () => dialog.close() }, "Close"))),
  );
  const before = document.activeElement;
  dialog.addEventListener("close", () => {
    dialog.remove();
    before?.focus?.();
  });
  document.body.append(dialog);
  dialog.showModal();
}
