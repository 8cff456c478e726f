// What stays around every page: where to go, the own account, and what else there is.

import { h, icon, link } from "./dom.js";
import { openHelp } from "./keyboard.js";
import { avatar } from "./people.js";
import { searchBox, trends } from "./search.js";

const root = document.documentElement;

/** Make the frame; `to` has `go(path)`, `write()` and `leave()`. */
export function shell(me, to) {
  const main = h("main", { id: "main", tabindex: "-1" });
  const badge = h("span", { class: "badge", hidden: true });
  const waiting = h("span", { class: "badge", hidden: true });
  const requests = item("/requests", "asking", "Requests", waiting);
  requests.hidden = !me.protected;
  const own = link(`/@${me.handle}`, { class: "me" }, avatar(me, "small"), h("span", { class: "hidden" }, "Your profile: "), h("span", { class: "label" }, h("bdi", {}, me.display_name)));
  const nav = h(
    "nav",
    { class: "main", "aria-label": "Aviary" },
    link("/", { class: "brand", "aria-label": "Aviary, home" }, icon("bird")),
    item("/", "home", "Home"),
    item("/search", "search", "Search"),
    item("/notifications", "bell", "Notifications", badge),
    requests,
    item(`/@${me.handle}`, "person", "Profile"),
    h("button", { type: "button", class: "write pill strong", onclick: to.write }, icon("pen"), h("span", { class: "label" }, "Post")),
    h("span", { class: "grow" }),
    h("div", { class: "tools" }, tool("sun", "Light or dark", switchTheme), tool("direction", "Right to left", switchDirection), tool("mute", "Muted words", () => to.go("/muted-words")), tool("keyboard", "Keys", openHelp), tool("leave", "Sign out", to.leave)),
    own,
  );
  const aside = h("aside", { "aria-label": "More" }, searchBox(to.go), trends(), h("p", { class: "soft small" }, "Press ", h("kbd", {}, "?"), " for keys"));
  const element = h("div", { class: "shell" }, nav, main, aside);
  return {
    element,
    main,
    /** Say how many notifications are new. */
    unread(number, more) {
      count(badge, number, more, " new");
    },
    /** Say how many wait to be let follow a protected account. */
    asking(user, number, more) {
      requests.hidden = !user.protected;
      count(waiting, number, more, " waiting");
    },
    /** Mark where the person is. */
    at(path) {
      for (const one of nav.querySelectorAll("a.item")) {
        if (one.pathname === path) one.setAttribute("aria-current", "page");
        else one.removeAttribute("aria-current");
      }
      // A page that has a search field of its own needs no second.
      aside.querySelector("form").hidden = path === "/search";
    },
  };
}

function count(badge, number, more, what) {
  badge.hidden = number === 0;
  badge.replaceChildren(more ? `${number}+` : String(number), h("span", { class: "hidden" }, what));
}

const item = (href, name, label, ...more) => link(href, { class: "item" }, icon(name), h("span", { class: "label" }, label), more);
const tool = (name, label, press) => h("button", { type: "button", class: "round", "aria-label": label, title: label, onclick: press }, icon(name));

function keep(name, value) {
  try {
    localStorage.setItem(name, value);
  } catch {
    // It holds until the next load.
  }
}

function switchTheme() {
  const isDark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = isDark ? "light" : "dark";
  keep("aviary.theme", root.dataset.theme);
}

function switchDirection() {
  root.dir = root.dir === "rtl" ? "ltr" : "rtl";
  keep("aviary.dir", root.dir);
}
