// Writing: a box in the home, and a dialog from everywhere else, for posts, replies and quotes.

import { api } from "./api.js";
import { audienceChoice } from "./audience.js";
import { h, icon, say } from "./dom.js";
import { avatar } from "./people.js";
import { MENTION, MOST, weightedLength } from "./text.js";
import { TYPES, Uploads } from "./uploads.js";

const RING = 2 * Math.PI * 10;
const ALONE = "It mentions nobody yet: only you would see it.";
const FOR_FEW = ["followers", "mentioned"];

/**
 * Make a form to write with. `of` may have `replyTo` or `quote`, a tweet, and `author`, whose it is;
 * `posted` is given the new tweet. A reply is for whom its tweet is, unless it is said otherwise. The same draft is sent under one key, so that a repeat is no second post.
 */
export function composer(me, of = {}, posted = () => {}) {
  let key = crypto.randomUUID();
  let sending = false;
  const hint = of.replyTo ? "Write your reply" : "What is happening?";
  const text = h("textarea", { name: "text", rows: of.replyTo || of.quote ? "3" : "2", placeholder: hint, "aria-label": hint, dir: "auto", oninput: changed });
  const first = FOR_FEW.includes(of.replyTo?.visibility) ? of.replyTo.visibility : "public";
  // Else who is answered would not see it.
  const start = first === "mentioned" && of.author && of.author.user_id !== me.user_id ? `@${of.author.handle} ` : "";
  const audience = audienceChoice(me, first, changed);
  const alone = h("p", { class: "soft small", role: "status" });
  const left = h("span", { class: "left" });
  const [ring, arc] = counterRing();
  const wrong = h("p", { class: "wrong", role: "alert", hidden: true });
  const button = h("button", { class: "pill strong", disabled: true }, of.replyTo ? "Reply" : "Post");
  const uploads = new Uploads(changed);
  const file = h("input", { type: "file", accept: TYPES, multiple: true, hidden: true, onchange: chosen });
  const add = h("button", { type: "button", class: "round", "aria-label": "Add pictures", title: "Add pictures", onclick: () => file.click() }, icon("picture"));
  const form = h(
    "form",
    { class: "composer", onsubmit: send },
    avatar(me),
    h(
      "div",
      { class: "grow" },
      text,
      uploads.element,
      alone,
      wrong,
      h("div", { class: "bar" }, add, file, audience.element, h("span", { class: "grow" }), left, ring, button),
    ),
  );
  text.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) form.requestSubmit();
  });

  function changed() {
    key = crypto.randomUUID();
    const length = weightedLength(text.value);
    arc.style.strokeDashoffset = String(RING * (1 - Math.min(1, length / MOST)));
    ring.classList.toggle("over", length > MOST);
    left.textContent = length > MOST - 20 ? String(MOST - length) : "";
    left.classList.toggle("over", length > MOST);
    const empty = [start.trim(), ""].includes(text.value.trim()) && uploads.count === 0;
    alone.textContent = audience.value === "mentioned" && !empty && !MENTION.test(text.value) ? ALONE : "";
    button.disabled = sending || empty || length > MOST || !uploads.ready;
    text.style.blockSize = "auto";
    text.style.blockSize = `${text.scrollHeight}px`;
  }

  function chosen() {
    complain(uploads.add(file.files));
    file.value = "";
  }

  function complain(what) {
    wrong.textContent = what;
    wrong.hidden = what === "";
  }

  function hold(on) {
    sending = text.readOnly = add.disabled = button.disabled = on;
    audience.hold(on);
  }

  async function send(event) {
    event.preventDefault();
    if (button.disabled) return;
    // What would be written meanwhile would go with what is sent, or be sent a second time.
    hold(true);
    complain("");
    try {
      const body = {
        text: text.value,
        ...(of.replyTo ? { in_reply_to_tweet_id: of.replyTo.tweet_id } : {}),
        ...(of.quote ? { quote_tweet_id: of.quote.tweet_id } : {}),
        ...(uploads.count ? { media_ids: uploads.ids } : {}),
        ...(audience.value === "public" ? {} : { visibility: audience.value }),
      };
      const { tweet } = await api.post(body, key);
      text.value = start;
      audience.reset();
      uploads.clear();
      hold(false);
      changed();
      say(of.replyTo ? "Your reply is posted" : "Your post is there");
      posted(tweet);
    } catch (error) {
      complain(error.message);
      hold(false);
    }
  }

  text.value = start;
  return form;
}

function counterRing() {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  svg.setAttribute("viewBox", "0 0 24 24");
  svg.setAttribute("class", "ring");
  svg.setAttribute("aria-hidden", "true");
  const circles = ["track", "arc"].map((name) => {
    const circle = document.createElementNS("http://www.w3.org/2000/svg", "circle");
    for (const [key, value] of Object.entries({ cx: 12, cy: 12, r: 10, class: name })) circle.setAttribute(key, value);
    return circle;
  });
  circles[1].style.strokeDasharray = String(RING);
  circles[1].style.strokeDashoffset = String(RING);
  svg.append(...circles);
  return [svg, circles[1]];
}

/** Open a form to write with above everything else. */
export function openComposer(me, of, posted, below = null) {
  const title = of.replyTo ? "Reply" : of.quote ? "Quote" : "New post";
  const form = composer(me, of, (tweet) => {
    dialog.close();
    posted(tweet);
  });
  const close = h("button", { type: "button", class: "round", "aria-label": "Close", onclick: () => dialog.close() }, icon("close"));
  const dialog = h("dialog", { class: "sheet", "aria-label": title }, h("div", { class: "head" }, close, h("h2", {}, title)), of.replyTo ? below : null, form, of.quote ? below : null);
  const before = document.activeElement;
  dialog.addEventListener("close", () => {
    dialog.remove();
    before?.focus?.();
  });
  document.body.append(dialog);
  dialog.showModal();
  const { text } = form.elements;
  text.focus();
  text.setSelectionRange(text.value.length, text.value.length);
}
