// What others did that concerns the reader.

import { api } from "./api.js";
import { h, icon } from "./dom.js";
import { Feed, pageHead } from "./feed.js";
import { avatar } from "./people.js";
import { Includes, pathOf } from "./tweet.js";
import { requestsRow } from "./requests.js";
import { ago } from "./time.js";

const KINDS = {
  NOTIFICATION_KIND_FOLLOW: ["person", "followed you"],
  NOTIFICATION_KIND_LIKE: ["heart", "liked your post"],
  NOTIFICATION_KIND_RETWEET: ["retweet", "retweeted your post"],
  NOTIFICATION_KIND_QUOTE: ["quote", "quoted you"],
  NOTIFICATION_KIND_REPLY: ["reply", "replied to you"],
  NOTIFICATION_KIND_MENTION: ["bell", "mentioned you"],
  NOTIFICATION_KIND_REQUEST: ["asking", "asked to follow you"],
};

export function notificationsView({ me, read }) {
  const includes = new Includes();
  const feed = new Feed(
    "Notifications",
    async (cursor) => {
      const page = await api.notifications(cursor);
      includes.add(page.includes);
      const newest = page.notifications[0];
      // Seen is what was shown, and no later one.
      if (!cursor && newest?.unread) api.markRead(newest.notification_id).then(read, () => {});
      return { rows: page.notifications.map((one) => row(one, includes)), next: page.next_cursor };
    },
    "Nothing yet. Here you see who follows you or asks to, and who likes and answers what you post.",
  );
  feed.load();
  const asking = h("div", {});
  if (me.protected) api.requests().then(({ users, next_cursor: more }) => asking.append(requestsRow(users, more !== undefined) ?? ""), () => {});
  return h("div", {}, pageHead("Notifications"), asking, feed.element);
}

function row(one, includes) {
  const [name, what] = KINDS[one.kind] ?? ["bell", "did something"];
  const actors = one.actor_ids.map(includes.user).filter(Boolean);
  const [first, second] = actors;
  const tweet = one.tweet_id ? includes.tweet(one.tweet_id) : null;
  const others = one.actor_count - 1;
  const who = [h("b", {}, h("bdi", {}, first?.display_name ?? "Somebody"))];
  if (others === 1 && second) who.push(" and ", h("b", {}, h("bdi", {}, second.display_name)));
  else if (others > 0) who.push(` and ${others} ${others === 1 ? "other" : "others"}`);
  const open = one.kind === "NOTIFICATION_KIND_REQUEST" ? "/requests" : tweet ? pathOf(tweet, includes.user(tweet.user_id)) : first ? `/@${first.handle}` : null;
  const label = `n${one.notification_id}`;
  return h(
    "article",
    { class: `row notification${one.unread ? " unread" : ""}`, tabindex: "0", "aria-labelledby": label, data: { open } },
    h("span", { class: `kind ${name}` }, icon(name)),
    h(
      "div",
      { class: "grow" },
      h("div", { class: "faces" }, actors.slice(0, 6).map((user) => avatar(user, "small"))),
      h("p", { id: label }, one.unread ? h("span", { class: "hidden" }, "New: ") : null, who, ` ${what} `, h("time", { class: "soft", datetime: one.created_at }, `· ${ago(one.created_at)}`)),
      tweet ? h("p", { class: "soft clamp", dir: "auto" }, tweet.text) : null,
      open ? h("a", { class: "hidden", href: open }, "Open") : null,
    ),
  );
}
