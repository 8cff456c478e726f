// Words that the person does not want to read of.

import { api } from "./api.js";
import { h, icon, say } from "./dom.js";
import { pageHead } from "./feed.js";

const LONGEST = 100;

export async function mutedView({ back }) {
  const wrong = h("p", { class: "wrong", role: "alert", hidden: true, id: "muted-wrong" });
  const word = h("input", { name: "word", required: true, maxlength: String(LONGEST), dir: "auto", autocomplete: "off", autocapitalize: "none", "aria-describedby": "muted-hint muted-wrong" });
  const button = h("button", { class: "pill strong" }, "Mute");
  const form = h(
    "form",
    { class: "fields", onsubmit: add },
    h("label", {}, "Word, phrase, #hashtag or @name", word),
    h("p", { class: "soft small", id: "muted-hint" }, "Posts of others that say it are left out of your home, searches and notifications. Only you see this list."),
    wrong,
    h("div", { class: "bar" }, button),
  );
  const list = h("ul", { class: "words", "aria-label": "Muted words" });
  const none = h("p", { class: "empty" }, "You have muted no words.");
  const { muted_words: kept = [] } = await api.mutedWords();
  // The newest first: what was just added is to be seen.
  list.append(...kept.map(row).reverse());
  changed();

  function changed() {
    none.hidden = list.childElementCount > 0;
    list.hidden = !none.hidden;
  }

  function complain(what) {
    wrong.textContent = what;
    wrong.hidden = what === "";
    word.setAttribute("aria-invalid", String(what !== ""));
  }

  async function add(event) {
    event.preventDefault();
    button.disabled = true;
    complain("");
    try {
      const { muted_word: made } = await api.mute(word.value, true);
      [...list.children].find((one) => one.dataset.word === made.word)?.remove();
      list.prepend(row(made));
      word.value = "";
      changed();
      say(`“${made.word}” is muted`);
    } catch (error) {
      complain(error.message);
    } finally {
      button.disabled = false;
      word.focus();
    }
  }

  function row({ word: shown }) {
    const remove = h("button", { type: "button", class: "round", "aria-label": `Mute no longer: ${shown}`, title: "Mute no longer", onclick: take }, icon("close"));
    const made = h("li", { data: { word: shown } }, icon("mute"), h("span", { class: "grow" }, h("bdi", {}, shown)), remove);
    async function take() {
      remove.disabled = true;
      try {
        await api.mute(shown, false);
        const next = made.nextElementSibling ?? made.previousElementSibling;
        made.remove();
        changed();
        (next?.querySelector("button") ?? word).focus();
        say(`“${shown}” is muted no longer`);
      } catch (error) {
        remove.disabled = false;
        say(error.message, { bad: true });
      }
    }
    return made;
  }

  return h("div", {}, pageHead("Muted words", { back }), h("div", { class: "box" }, form), list, none);
}
