// Finding posts and people, and what many write about now.

import { api } from "./api.js";
import { h, icon, link } from "./dom.js";
import { Feed, pageHead, tabs } from "./feed.js";
import { personRow } from "./people.js";
import { Includes, tweetCard } from "./tweet.js";

/** The field that leads to what is found; `/` jumps into it. */
export function searchBox(go, value = "") {
  const field = h("input", { type: "search", name: "q", value, placeholder: "Search Aviary", "aria-label": "Search", maxlength: "500", dir: "auto", autocomplete: "off" });
  const submit = (event) => {
    event.preventDefault();
    if (field.value.trim()) go(`/search?q=${encodeURIComponent(field.value.trim())}`);
  };
  return h("form", { class: "search", role: "search", onsubmit: submit }, icon("search"), field);
}

export function searchView({ me, query, go }) {
  const q = query.get("q") ?? "";
  const by = query.get("by") ?? "newest";
  const at = (kind) => `/search?q=${encodeURIComponent(q)}${kind === "newest" ? "" : `&by=${kind}`}`;
  const head = h("div", {}, pageHead("Search"), h("div", { class: "box" }, searchBox(go, q)));
  if (q === "") return h("div", {}, head, h("div", { class: "box" }, trends()));
  document.title = `${q} · Search · Aviary`;
  const feed = by === "people" ? people(q) : posts(me, q, by);
  feed.load();
  const all = [
    ["Newest", at("newest"), by === "newest"],
    ["Best", at("relevant"), by === "relevant"],
    ["People", at("people"), by === "people"],
  ];
  return h("div", {}, head, tabs("What to find", all), feed.element);
}

function posts(me, q, sort) {
  const includes = new Includes().add({ users: [me] });
  return new Feed(
    "Found posts",
    async (cursor) => {
      const page = await api.search(q, sort, cursor);
      includes.add(page.includes);
      return { rows: page.tweets.map((tweet) => tweetCard(tweet, includes, me)), next: page.next_cursor };
    },
    "Nothing was found.",
  );
}

function people(q) {
  return new Feed(
    "Found people",
    async (cursor) => {
      const page = await api.people(q.slice(0, 50), cursor);
      return { rows: page.users.map((user) => personRow(user)), next: page.next_cursor };
    },
    "Nobody was found.",
  );
}

/** A box of what many write about now; it is empty where nothing is, or where that is not known. */
export function trends() {
  const list = h("ol", { class: "trends" });
  const box = h("section", { class: "card", "aria-label": "Trends" }, h("h2", {}, "What is on"), list);
  const none = () => list.replaceWith(h("p", { class: "soft" }, "Nothing stands out at the moment."));
  api.trends().then(({ trends: all }) => {
    list.append(
      ...all.map((one) =>
        h("li", {}, link(`/search?q=${encodeURIComponent(`#${one.hashtag}`)}`, {}, h("bdi", {}, `#${one.hashtag}`)), h("span", { class: "soft" }, `${one.author_count} people`)),
      ),
    );
    if (all.length === 0) none();
  }, none);
  return box;
}
