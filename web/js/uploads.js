// Pictures on their way into a tweet: chosen, sent, and looked at by the server.

import { api } from "./api.js";
import { h, icon } from "./dom.js";
import { onThisOrigin } from "./media.js";

export const TYPES = "image/png,image/jpeg,image/gif,image/webp";
const MOST = 4;
const MOST_BYTES = 5 * 1024 * 1024;
const ASK_EVERY_MS = 700;
/** A picture is ready within seconds; whoever waits longer is told, and asks no more. */
const MOST_ASKED = 90;
const REJECTED = {
  unknown_type: "It is no PNG, JPEG, GIF or WebP.",
  other_type: "It is not what its name says.",
  size: "It did not arrive whole.",
  too_large: "It has too many pixels.",
  unreadable: "It cannot be read.",
};

/** The pictures of a draft, and where they are shown; `changed` is called when any of them is. */
export class Uploads {
  #of = new Map();
  #changed;

  constructor(changed) {
    this.element = h("div", { class: "uploads" });
    this.#changed = changed;
  }

  get count() {
    return this.#of.size;
  }

  /** Whether none is on its way, and none has failed. */
  get ready() {
    return [...this.#of.values()].every((one) => one.id !== null);
  }

  get ids() {
    return [...this.#of.values()].map((one) => one.id);
  }

  clear() {
    for (const shown of [...this.#of.keys()]) this.#drop(shown);
  }

  /** Take files; gives what is wrong with them, or nothing. */
  add(files) {
    for (const file of files) {
      if (this.count >= MOST) return `${MOST} pictures at most.`;
      if (!TYPES.split(",").includes(file.type)) return "Pictures are PNG, JPEG, GIF or WebP.";
      if (file.size > MOST_BYTES) return "A picture has 5 MiB at most.";
      this.#begin(file);
    }
    return "";
  }

  #begin(file) {
    const url = URL.createObjectURL(file);
    const state = h("span", { class: "state", role: "status" }, "Uploading …");
    const alt = h("input", { class: "alt", name: "alt", maxlength: "1000", placeholder: "Describe it", "aria-label": "Description of the picture", dir: "auto" });
    const send = h("button", { type: "button", class: "pill small", onclick: () => this.#send(shown, file, alt, send) }, "Upload");
    const drop = h("button", { type: "button", class: "round", "aria-label": "Remove the picture", onclick: () => this.#drop(shown) }, icon("close"));
    const shown = h("div", { class: "upload" }, h("img", { src: url, alt: "" }), h("div", { class: "grow" }, alt, state), send, drop);
    state.textContent = "Describe it for those who cannot see it, then upload.";
    this.#of.set(shown, { id: null, url, state });
    this.element.append(shown);
    this.#changed();
  }

  #drop(shown) {
    URL.revokeObjectURL(this.#of.get(shown).url);
    this.#of.delete(shown);
    shown.remove();
    this.#changed();
  }

  async #send(shown, file, alt, button) {
    const one = this.#of.get(shown);
    button.hidden = alt.readOnly = true;
    one.state.textContent = "Uploading …";
    try {
      one.id = await upload(file, alt.value.trim(), () => this.#of.has(shown));
      one.state.textContent = "Ready";
    } catch (error) {
      button.hidden = alt.readOnly = false;
      button.textContent = "Try again";
      one.state.textContent = error.message;
    }
    this.#changed();
  }
}

async function upload(file, alt, isWanted) {
  const room = await api.makeRoom(
    { content_type: file.type, size: file.size, ...(alt ? { alt_text: alt } : {}) },
    crypto.randomUUID(),
  );
  const headers = Object.fromEntries(room.upload_headers.map((one) => [one.name, one.value]));
  const kept = await fetch(onThisOrigin(room.upload_url), {
    method: room.upload_method,
    headers: { "content-type": file.type, ...headers },
    body: file,
  });
  if (!kept.ok) throw new Error("It did not arrive.");
  for (let asked = 0; asked < MOST_ASKED && isWanted(); asked += 1) {
    const { media } = await api.media(room.media_id);
    if (media.status === "ready") return room.media_id;
    if (media.status === "rejected") throw new Error(REJECTED[media.rejection] ?? "It was not taken.");
    if (media.status === "quarantined") throw new Error("It was held back.");
    await new Promise((on) => setTimeout(on, ASK_EVERY_MS));
  }
  throw new Error("It is not ready yet.");
}
