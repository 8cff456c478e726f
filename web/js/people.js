// Users: their initial in a circle, their names, and the button that follows them.

import { api } from "./api.js";
import { h, icon, link, say } from "./dom.js";

/** Draw a circle with the user's initial, in a colour that is the user's for good. */
export function avatar(user, size = "") {
  const name = Array.from(user?.display_name ?? "?")[0].toUpperCase();
  const circle = h("span", { class: `avatar ${size}`, "aria-hidden": "true" }, name);
  const hue = Number(BigInt(user?.user_id ?? 0) % 2039n) % 360;
  circle.style.setProperty("--hue", String(hue));
  return circle;
}

/** Say of a protected account that it is; nothing of others. */
export const padlock = (user) =>
  user?.protected ? h("span", { class: "padlock", title: "Protected account" }, icon("lock"), h("span", { class: "hidden" }, "Protected account")) : null;

/** The name and the handle; users of whom nothing is known any more are called so. */
export function names(user, id) {
  if (!user) return h("span", { class: "names", id }, h("b", {}, "Somebody"));
  return h(
    "span",
    { class: "names", id },
    link(`/@${user.handle}`, { class: "name" }, h("bdi", {}, user.display_name)),
    padlock(user),
    h("span", { class: "handle", dir: "ltr" }, `@${user.handle}`),
  );
}

const FOLLOWS = {
  no: (user) => ["Follow", `Follow @${user.handle}`, `You no longer follow @${user.handle}`],
  asked: (user) => ["Requested", `Requested to follow @${user.handle}`, `You asked to follow @${user.handle}`],
  yes: (user) => ["Following", `Following @${user.handle}`, `You follow @${user.handle}`],
};

/**
 * The button for following somebody, or asking to; `stands` is how the reader stands to the user, and
 * `changed` is told what it has come to: `no`, `asked` or `yes`, and what it was.
 */
export function followButton(user, stands, changed = () => {}) {
  const button = h("button", { type: "button", class: "pill follow", onclick: press });
  let state = "no";
  const show = (now) => {
    state = now;
    const [text, label] = FOLLOWS[now](user);
    button.dataset.state = now;
    button.setAttribute("aria-pressed", String(now !== "no"));
    button.setAttribute("aria-label", label);
    button.title = now === "asked" ? "Take the request back" : "";
    button.textContent = text;
  };
  async function press() {
    const before = state;
    button.disabled = true;
    try {
      const { pending } = await api.follow(user.user_id, before === "no");
      show(before !== "no" ? "no" : pending ? "asked" : "yes");
      changed(state, before);
      say(before === "asked" ? `You no longer ask to follow @${user.handle}` : FOLLOWS[state](user)[2]);
    } catch (error) {
      say(error.message, { bad: true });
    } finally {
      button.disabled = false;
    }
  }
  show(stands.following ? "yes" : stands.requested ? "asked" : "no");
  return button;
}

/** One user of a list, with what the user says of itself, and what `more` there is to do. */
export function personRow(user, ...more) {
  return h(
    "article",
    { class: "person row", tabindex: "0", "aria-labelledby": `u${user.user_id}`, data: { open: `/@${user.handle}` } },
    avatar(user),
    h("div", { class: "grow" }, names(user, `u${user.user_id}`), user.bio ? h("p", { class: "bio", dir: "auto" }, user.bio) : null),
    more,
  );
}
