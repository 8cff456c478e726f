// One tweet: who, when, what, and what the reader can do with it.

import { api } from "./api.js";
import { audienceMark, isPublic } from "./audience.js";
import { openComposer } from "./compose.js";
import { h, icon, link, say } from "./dom.js";
import { pictures } from "./media.js";
import { avatar, names } from "./people.js";
import { richText } from "./text.js";
import { ago, count, exactly } from "./time.js";

/** The users and tweets that came with a page, by id. */
export class Includes {
  #users = new Map();
  #tweets = new Map();

  /** Take what an answer has in `includes`; what came before stays. */
  add(includes = {}) {
    for (const user of includes.users ?? []) this.#users.set(user.user_id, user);
    for (const tweet of includes.tweets ?? []) this.#tweets.set(tweet.tweet_id, tweet);
    return this;
  }

  user = (id) => this.#users.get(id);
  tweet = (id) => this.#tweets.get(id);
}

export const pathOf = (tweet, user) => `/@${user?.handle ?? "i"}/status/${tweet.tweet_id}`;
/** The id that the tweet has its place by: its own, or that of the retweet that brought it. */
export const entryId = (tweet) => tweet.retweeted_by?.retweet_id ?? tweet.tweet_id;

let shownSoFar = 0;

/**
 * Draw a tweet for `me`; `large` is the one that a thread is shown around. `pin` is told to pin one
 * of their own (`true`) or to take it off, where that can be done.
 */
export function tweetCard(tweet, includes, me, { large = false, posted = () => {}, pinned = false, pin = null } = {}) {
  const user = includes.user(tweet.user_id);
  const label = `t${++shownSoFar}`;
  const by = tweet.retweeted_by?.user_ids.map(includes.user).find(Boolean);
  const target = includes.user(tweet.in_reply_to_user_id);
  const when = h("time", { datetime: tweet.created_at, title: exactly(tweet.created_at) }, large ? exactly(tweet.created_at) : ago(tweet.created_at));
  const quoted = tweet.quote_tweet_id ? quote(includes.tweet(tweet.quote_tweet_id), includes) : null;
  const card = h(
    "article",
    { class: large ? "tweet large" : "tweet", tabindex: "0", "aria-labelledby": `${label}n ${label}x`, data: { tweet: tweet.tweet_id, entry: entryId(tweet), open: large ? null : pathOf(tweet, user) } },
    by ? h("p", { class: "why" }, icon("retweet"), h("bdi", {}, by.user_id === me.user_id ? "You" : by.display_name), " retweeted") : null,
    pinned ? h("p", { class: "why" }, icon("pin"), "Pinned") : null,
    avatar(user),
    h(
      "div",
      { class: "grow" },
      h("div", { class: "by" }, names(user, `${label}n`), large ? null : link(pathOf(tweet, user), { class: "when" }, when)),
      tweet.in_reply_to_tweet_id && target ? h("p", { class: "answers" }, "Replying to ", link(`/@${target.handle}`, {}, `@${target.handle}`)) : null,
      h("div", { class: "text", dir: "auto", id: `${label}x`, lang: tweet.language ?? null }, richText(tweet.text, tweet.entities)),
      tweet.attachments ? pictures(tweet.attachments.media_refs) : null,
      quoted,
      large ? h("p", { class: "when" }, when) : null,
      audienceMark(tweet),
      actions(tweet, user, includes, me, { posted, pinned, pin }),
    ),
  );
  return card;
}

function quote(tweet, includes) {
  if (!tweet) return h("div", { class: "quoted gone" }, "The quoted post is not there.");
  const user = includes.user(tweet.user_id);
  return h(
    "div",
    { class: "quoted", data: { open: pathOf(tweet, user) } },
    h("div", { class: "by" }, avatar(user, "tiny"), names(user), link(pathOf(tweet, user), { class: "when" }, ago(tweet.created_at))),
    h("div", { class: "text", dir: "auto" }, richText(tweet.text, tweet.entities)),
    audienceMark(tweet),
  );
}

function actions(tweet, user, includes, me, { posted, pinned, pin }) {
  const around = () => tweetCard({ ...tweet, retweeted_by: undefined, quote_tweet_id: undefined }, includes, me);
  const write = (of) => openComposer(me, of, posted, preview(around()));
  return h(
    "div",
    { class: "actions" },
    action("reply", "Reply", tweet.reply_count, () => write({ replyTo: tweet, author: user })),
    toggle("retweet", ["Retweet", "Take the retweet back"], tweet, "retweeted", "retweet_count", api.retweet, isPublic(tweet) && !user?.protected),
    toggle("heart", ["Like", "Take the like back"], tweet, "liked", "like_count", api.like),
    action("quote", "Quote", tweet.quote_count, () => write({ quote: tweet })),
    pin && tweet.user_id === me.user_id ? action("pin", pinned ? "Unpin from your profile" : "Pin to your profile", 0, () => pin(tweet, !pinned)) : null,
    user && user.user_id === me.user_id ? action("trash", "Delete", 0, (button) => remove(button, tweet)) : null,
  );
}

/** A card to look at, not to act on. */
function preview(card) {
  card.querySelector(".actions").remove();
  card.inert = true;
  return card;
}

function action(name, label, number, press) {
  const shown = h("span", { class: "count" }, count(number));
  const button = h("button", { type: "button", class: `action ${name}`, title: label, onclick: () => press(button) }, icon(name), h("span", { class: "hidden" }, `${label} `), shown);
  return button;
}

function toggle(name, [does, undoes], tweet, mark, counted, change, isAllowed = true) {
  const button = action(name, does, tweet[counted], press);
  button.dataset.counted = counted;
  const show = () => {
    const on = tweet.viewer?.[mark] === true;
    button.setAttribute("aria-pressed", String(on));
    button.title = on ? undoes : isAllowed ? does : "Not for everyone: it cannot be retweeted";
    button.disabled = !on && !isAllowed;
    button.querySelector(".count").textContent = count(tweet[counted]);
  };
  // At once, and back again where the server did not take it.
  const set = (on) => {
    tweet.viewer = { ...tweet.viewer, [mark]: on };
    tweet[counted] = Math.max(0, (tweet[counted] ?? 0) + (on ? 1 : -1));
    show();
  };
  async function press() {
    const on = tweet.viewer?.[mark] !== true;
    button.disabled = true;
    set(on);
    try {
      await change(tweet.tweet_id, on);
    } catch (error) {
      set(!on);
      say(error.message, { bad: true });
    } finally {
      button.disabled = false;
      show();
    }
  }
  // What a live update says of it.
  button.addEventListener("counted", ({ detail }) => {
    tweet[counted] = detail;
    show();
  });
  show();
  return button;
}

async function remove(button, tweet) {
  // Twice, as it is for good: the first press asks.
  if (button.dataset.sure !== "yes") {
    button.dataset.sure = "yes";
    button.querySelector(".count").textContent = "for good?";
    return;
  }
  button.disabled = true;
  try {
    await api.remove(tweet.tweet_id);
    forget(tweet.tweet_id);
    say("Your post is deleted");
  } catch (error) {
    button.disabled = false;
    say(error.message, { bad: true });
  }
}

const cards = (id) => document.querySelectorAll(`[data-tweet="${CSS.escape(id)}"]`);

/** Take a tweet off the page, wherever it stands. */
export const forget = (id) => cards(id).forEach((card) => card.remove());

/** Show the counts of a live update. */
export function recount(said) {
  for (const card of cards(said.tweet_id)) {
    for (const button of card.querySelectorAll("[data-counted]")) {
      const number = said[button.dataset.counted];
      if (number !== undefined) button.dispatchEvent(new CustomEvent("counted", { detail: number }));
    }
  }
}
