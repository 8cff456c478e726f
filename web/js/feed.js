// A list that goes on for as long as there are pages, read by scrolling, by a button or by j and k.

import { h, link, say } from "./dom.js";

/**
 * Make a feed. `page(cursor)` gives `{rows, next}`: elements, and the cursor of the page after.
 * `empty` is what to say where there is nothing.
 */
export class Feed {
  #page;
  #next = "";
  #over = false;
  #busy = false;
  #turn = 0;
  #more;
  #empty;

  constructor(label, page, empty) {
    this.#page = page;
    this.#empty = empty;
    this.list = h("div", { role: "feed", "aria-label": label, "aria-busy": "true", class: "feed" });
    this.#more = h("button", { type: "button", class: "more", onclick: () => this.load() }, "Show more");
    this.element = h("div", {}, this.list, this.#more);
    new IntersectionObserver((entries) => {
      if (entries.some((entry) => entry.isIntersecting) && this.list.childElementCount > 0) this.load();
    }, { rootMargin: "600px" }).observe(this.#more);
  }

  /** Read the next page, unless one is on its way or there is none. */
  async load() {
    if (this.#busy || this.#over) return;
    const turn = this.#turn;
    this.#busy = true;
    this.list.setAttribute("aria-busy", "true");
    this.#more.hidden = false;
    this.#more.textContent = "Loading …";
    try {
      const { rows, next } = await this.#page(this.#next);
      if (turn !== this.#turn) return;
      this.list.append(...rows);
      this.#next = next ?? "";
      this.#over = this.#next === "";
      this.#more.hidden = this.#over;
      this.#more.textContent = "Show more";
      // A feed of nothing is none to those who hear the page.
      this.list.hidden = this.list.childElementCount === 0;
      if (this.list.hidden) this.list.after(h("p", { class: "empty" }, this.#empty));
    } catch (error) {
      if (turn !== this.#turn) return;
      this.#more.textContent = "Try again";
      say(error.message, { bad: true });
    } finally {
      if (turn === this.#turn) {
        this.#busy = false;
        this.list.setAttribute("aria-busy", "false");
      }
    }
  }

  /** Begin at the newest again; a page that is on its way is of no use. */
  reload() {
    this.#turn += 1;
    this.#busy = this.#over = false;
    this.#next = "";
    this.element.querySelector(".empty")?.remove();
    this.list.replaceChildren();
    this.list.hidden = false;
    return this.load();
  }

  /** Put rows before all others. */
  prepend(...rows) {
    this.element.querySelector(".empty")?.remove();
    this.list.hidden = false;
    this.list.prepend(...rows);
  }
}

/** The head of a page: its name, and a way back where there is one. */
export function pageHead(title, { back = null, under = null } = {}) {
  return h("header", { class: "head" }, back, h("div", {}, h("h1", {}, title), under ? h("p", { class: "soft" }, under) : null));
}

/** Links of which one is where the person is. */
export function tabs(label, all) {
  return h(
    "nav",
    { class: "tabs", "aria-label": label },
    all.map(([name, href, here]) => link(href, here ? { "aria-current": "page" } : {}, name)),
  );
}
