// The home: what one follows, newest first, and what is new behind a button.

import { api } from "./api.js";
import { composer } from "./compose.js";
import { h, say } from "./dom.js";
import { Feed, pageHead } from "./feed.js";
import { followHome } from "./live.js";
import { entryId, forget, Includes, recount, tweetCard } from "./tweet.js";

const newer = (a, b) => (BigInt(a) > BigInt(b) ? a : b);

export function homeView({ me, signal, onPosted }) {
  const includes = new Includes().add({ users: [me] });
  let newest = "0";
  const waiting = new Map();
  const isShown = (tweet) => feed.list.querySelector(`:scope > [data-entry="${CSS.escape(entryId(tweet))}"]`) !== null;
  const card = (tweet) => tweetCard(tweet, includes, me, { posted: own });

  const feed = new Feed(
    "Home timeline",
    async (cursor) => {
      const page = await api.home(cursor);
      includes.add(page.includes);
      for (const tweet of page.tweets) newest = newer(entryId(tweet), newest);
      return { rows: page.tweets.filter((tweet) => !isShown(tweet)).map(card), next: page.next_cursor };
    },
    "Nothing here yet. Search for people, and follow some.",
  );
  const show = h("button", { type: "button", class: "new", hidden: true, onclick: showWaiting });
  const shown = h("div", { "aria-live": "polite" }, show);

  function offer() {
    show.hidden = waiting.size === 0;
    show.textContent = waiting.size === 1 ? "Show 1 new post" : `Show ${waiting.size} new posts`;
  }

  function showWaiting() {
    const tweets = [...waiting.values()].sort((a, b) => (BigInt(entryId(a)) < BigInt(entryId(b)) ? 1 : -1));
    waiting.clear();
    for (const tweet of tweets) forget(tweet.tweet_id); // it moves up where it was retweeted
    feed.prepend(...tweets.map(card));
    offer();
    feed.list.firstElementChild?.focus();
    window.scrollTo({ top: 0 });
  }

  /** What the person has just posted stands there at once. */
  function own(tweet) {
    if (!isShown(tweet)) feed.prepend(card(tweet));
  }

  const on = {
    newest: () => newest,
    tweets(tweets, more) {
      includes.add(more);
      for (const tweet of tweets) {
        newest = newer(entryId(tweet), newest);
        if (!isShown(tweet)) waiting.set(tweet.tweet_id, tweet);
      }
      offer();
    },
    remove(id) {
      waiting.delete(id);
      forget(id);
      offer();
    },
    counts: recount,
    reset() {
      // What is being written stays.
      say("Your home is read anew");
      waiting.clear();
      offer();
      return feed.reload();
    },
  };

  onPosted(own);
  feed.load().then(() => followHome(on, signal));
  return h("div", {}, pageHead("Home"), h("div", { class: "box" }, composer(me, {}, own)), shown, feed.element);
}
