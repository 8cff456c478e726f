// For whom a post is: what is chosen when it is written, and the mark on those that are for few.

import { h, icon } from "./dom.js";

const KINDS = {
  public: ["globe", "Everyone"],
  followers: ["people", "Followers"],
  mentioned: ["at", "Only those mentioned"],
};
/** What a protected account posts is for no stranger. */
const OF_PROTECTED = { ...KINDS, public: ["lock", "Everyone you approved"] };

/** A choice of who sees a post; `changed` is told when it is made. `element.value` is what it is. */
export function audienceChoice(me, first, changed) {
  const kinds = me.protected ? OF_PROTECTED : KINDS;
  const options = Object.entries(kinds).map(([value, [, text]]) => h("option", { value, selected: value === first }, text));
  const select = h("select", { name: "visibility", "aria-label": "Who sees it", title: "Who sees it", onchange: choose }, options);
  const shown = h("span", { class: "audience" }, icon(kinds[first][0]), select);
  const show = () => shown.querySelector(".icon").replaceWith(icon(kinds[select.value][0]));
  function choose() {
    show();
    changed();
  }
  return {
    element: shown,
    get value() {
      return select.value;
    },
    hold(on) {
      select.disabled = on;
    },
    reset() {
      select.value = first;
      show();
    },
  };
}

/** For whom it is, of a post that is not for everybody; what a later release knows is for few. */
export function audienceMark(tweet) {
  if (isPublic(tweet)) return null;
  const [name, text] = KINDS[tweet.visibility] ?? ["lock", "Not for everyone"];
  return h("span", { class: "for-few", title: "Who sees it" }, icon(name), h("span", { class: "hidden" }, "For: "), text);
}

export const isPublic = (tweet) => (tweet.visibility ?? "public") === "public";
