// Who asks to follow a protected account, and the answer to each.

import { api } from "./api.js";
import { h, icon, link, say } from "./dom.js";
import { Feed, pageHead } from "./feed.js";
import { avatar, personRow } from "./people.js";

const FACES = 3;

export function requestsView({ me, back }) {
  const feed = new Feed(
    "Follow requests",
    async (cursor) => {
      const page = await api.requests(cursor);
      return { rows: page.users.map(row), next: page.next_cursor };
    },
    me.protected
      ? "Nobody is waiting for an answer."
      : "Nobody asks: your account is open, and who wants to follow you does.",
  );

  function row(user) {
    const made = personRow(user, answers(user, () => settled(made)));
    return made;
  }

  /** Go on with the next one, also by keys. */
  function settled(gone) {
    const next = gone.nextElementSibling ?? gone.previousElementSibling;
    gone.remove();
    if (next) return next.focus();
    document.getElementById("main").focus();
    return feed.reload();
  }

  feed.load();
  return h("div", {}, pageHead("Follow requests", { back }), feed.element);
}

/** The two buttons that settle a request; `done` is told once it is. */
export function answers(user, done) {
  const both = [answer("Approve", true), answer("Deny", false)];

  function answer(text, approve) {
    const label = `${text} @${user.handle}`;
    return h("button", { type: "button", class: approve ? "pill strong" : "pill", "aria-label": label, onclick: () => settle(approve) }, text);
  }

  async function settle(approve) {
    for (const one of both) one.disabled = true;
    try {
      await api.settle(user.user_id, approve);
      say(approve ? `@${user.handle} follows you` : `@${user.handle} does not follow you`);
      done(approve);
    } catch (error) {
      say(error.message, { bad: true });
      // Taken back meanwhile: there is nothing left to answer.
      if (error.reason === "FOLLOW_REQUEST_NOT_FOUND") done(false);
      else for (const one of both) one.disabled = false;
    }
    dispatchEvent(new CustomEvent("aviary:requests"));
  }

  return h("div", { class: "answers-to" }, both);
}

/** A row that leads to those who ask; nothing where nobody does. */
export function requestsRow(users, more) {
  if (users.length === 0) return null;
  const number = more ? `${users.length}+` : String(users.length);
  return h(
    "div",
    { class: "row asking", data: { open: "/requests" } },
    h("span", { class: "kind" }, icon("asking")),
    h(
      "div",
      { class: "grow" },
      h("div", { class: "faces" }, users.slice(0, FACES).map((user) => avatar(user, "small"))),
      h("p", {}, link("/requests", { class: "name" }, "Follow requests"), " ", h("span", { class: "soft" }, number === "1" ? "1 person asks to follow you" : `${number} people ask to follow you`)),
    ),
  );
}
