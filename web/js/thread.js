// One tweet with what it answers above it and its replies below.

import { api } from "./api.js";
import { composer } from "./compose.js";
import { h } from "./dom.js";
import { Feed, pageHead } from "./feed.js";
import { Includes, pathOf, tweetCard } from "./tweet.js";

export function threadView({ me, id, back, onPosted, go }) {
  const includes = new Includes().add({ users: [me] });
  const above = h("div", { class: "ancestors" });
  const around = h("div", {});
  const answer = h("div", { class: "box" });
  const options = { posted: own };

  const feed = new Feed(
    "Replies",
    async (cursor) => {
      const page = await api.conversation(id, cursor);
      includes.add(page.includes).add({ tweets: page.ancestors });
      if (!cursor) top(page);
      return { rows: page.replies.flatMap(branch), next: page.next_cursor };
    },
    "No replies yet. Yours would be the first.",
  );

  function top(page) {
    above.append(...page.ancestors.map((tweet) => tweetCard(tweet, includes, me, options)));
    const main = tweetCard(page.tweet, includes, me, { ...options, large: true });
    around.append(main);
    document.title = `${includes.user(page.tweet.user_id)?.display_name ?? "Somebody"}: ${page.tweet.text.slice(0, 60)} · Aviary`;
    answer.append(composer(me, { replyTo: page.tweet, author: includes.user(page.tweet.user_id) }, own));
    if (page.ancestors.length > 0) main.scrollIntoView({ block: "start" });
  }

  function branch({ tweet, replies, has_more_replies: more }) {
    const below = replies.flatMap(branch);
    const card = tweetCard(tweet, includes, me, options);
    const rest = more && below.length === 0
      ? h("a", { class: "rest", href: pathOf(tweet, includes.user(tweet.user_id)) }, "Show more replies")
      : null;
    if (below.length === 0 && rest === null) return [card];
    return [h("div", { class: "branch" }, card, h("div", { class: "below" }, below, rest))];
  }

  function own(tweet) {
    if (tweet.in_reply_to_tweet_id === id) feed.prepend(tweetCard(tweet, includes, me, options));
    else go(pathOf(tweet, me));
  }

  onPosted(own);
  feed.load();
  return h("div", {}, pageHead("Post", { back }), above, around, answer, feed.element);
}
