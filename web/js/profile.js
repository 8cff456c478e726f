// A user: who it is, what it posts, whom it follows and who follows it.

import { api } from "./api.js";
import { h, icon, link, say } from "./dom.js";
import { Feed, pageHead, tabs } from "./feed.js";
import { avatar, followButton, padlock, personRow } from "./people.js";
import { answers } from "./requests.js";
import { Includes, tweetCard } from "./tweet.js";
import { count, onDay } from "./time.js";

export async function profileView({ me, handle, part, back, leave, onPosted }) {
  const { user } = await api.userByHandle(handle);
  document.title = `${user.display_name} (@${user.handle}) · Aviary`;
  const path = `/@${user.handle}`;
  const isMe = user.user_id === me.user_id;
  const stands = isMe ? {} : (await api.relationship(me.user_id, user.user_id));
  const followers = h("span", {});
  const showFollowers = () => {
    const number = user.followers_count ?? 0;
    followers.replaceChildren(h("b", {}, count(number) || "0"), number === 1 ? " follower" : " followers");
  };
  const changed = (now, before) => {
    user.followers_count = Math.max(0, (user.followers_count ?? 0) + (now === "yes") - (before === "yes"));
    showFollowers();
    // What is for followers comes or goes.
    if (user.protected && now !== before && (now === "yes" || before === "yes")) feed.reload();
  };
  showFollowers();
  const head = h(
    "section",
    { class: "profile", "aria-label": `@${user.handle}` },
    h("div", { class: "cover", "aria-hidden": "true" }),
    h("div", { class: "line" }, avatar(user, "big"), isMe ? ownButtons(user, leave) : followButton(user, stands, changed)),
    h("h2", {}, h("bdi", {}, user.display_name), padlock(user)),
    h("p", { class: "soft" }, h("bdi", { dir: "ltr" }, `@${user.handle}`), stands.followed_by ? h("span", { class: "tag" }, "Follows you") : null),
    stands.requested_by ? asks(user) : null,
    user.bio ? h("p", { class: "bio", dir: "auto" }, user.bio) : null,
    h("p", { class: "soft" }, user.created_at ? `Joined ${onDay(user.created_at)}` : "", " · ", followed(user, path), link(`${path}/followers`, {}, followers)),
  );
  head.querySelector(".cover").style.setProperty("--hue", String(Number(BigInt(user.user_id) % 2039n) % 360));
  const feed = part ? people(user, part) : posts(user, me, onPosted, isMe);
  feed.load();
  return h(
    "div",
    {},
    pageHead(h("bdi", {}, user.display_name), { back, under: many(user.tweet_count, "post") }),
    head,
    tabs("Of this user", [
      ["Posts", path, part === undefined],
      ["Following", `${path}/following`, part === "following"],
      ["Followers", `${path}/followers`, part === "followers"],
    ]),
    feed.element,
  );
}

/** Say how many; nothing where nobody knows at the moment. */
const many = (number, one) => (number === undefined ? null : `${count(number) || "0"} ${one}${number === 1 ? "" : "s"}`);

function followed(user, path) {
  if (user.following_count === undefined) return null;
  return [link(`${path}/following`, {}, h("b", {}, count(user.following_count) || "0"), " following"), " · "];
}

function posts(user, me, onPosted, isMe) {
  const includes = new Includes().add({ users: [user, me] });
  let top = null;
  const card = (tweet) => tweetCard(tweet, includes, me, { pin: isMe ? pin : null });
  async function pin(tweet, on) {
    try {
      await api.pin(tweet.tweet_id, on);
      user.pinned_tweet_id = on ? tweet.tweet_id : undefined;
      say(on ? "Pinned to your profile" : "No longer pinned");
      feed.reload();
    } catch (error) {
      say(error.message, { bad: true });
    }
  }
  // The page goes on without it where it is gone, or nobody answers.
  async function pinnedFirst() {
    const found = user.pinned_tweet_id ? await api.tweet(user.pinned_tweet_id).catch(() => null) : null;
    includes.add(found?.includes);
    top = found && tweetCard(found.tweet, includes, me, { pinned: true, pin: isMe ? pin : null });
  }
  const feed = new Feed(
    "Posts",
    async (cursor) => {
      const [page] = await Promise.all([api.ofUser(user.user_id, cursor), cursor ? null : pinnedFirst()]);
      includes.add(page.includes);
      const others = page.tweets.filter((tweet) => tweet.tweet_id !== top?.dataset.tweet);
      return { rows: [...(cursor || !top ? [] : [top]), ...others.map(card)], next: page.next_cursor };
    },
    user.protected && !isMe ? "This account is protected: those whom it has approved as followers see what it posts." : "No posts yet.",
  );
  if (isMe) onPosted((tweet) => feed.prepend(...(top?.isConnected ? [top] : []), card(tweet)));
  return feed;
}

function people(user, part) {
  const read = part === "followers" ? api.followers : api.following;
  return new Feed(
    part === "followers" ? "Followers" : "Following",
    async (cursor) => {
      const page = await read(user.user_id, cursor);
      return { rows: page.users.map((user) => personRow(user)), next: page.next_cursor };
    },
    "Nobody yet.",
  );
}

/** Somebody who asks to follow the reader, and what there is to say to it. */
function asks(user) {
  const shown = h("div", { class: "asks" }, h("p", {}, icon("asking"), " Asks to follow you"), answers(user, (approved) => {
    const settled = h("p", { class: "soft", tabindex: "-1" }, approved ? "Follows you" : "Does not follow you");
    shown.replaceChildren(settled);
    settled.focus();
  }));
  return shown;
}

/** What is done with one's own account; to leave is here too, for screens without room elsewhere. */
function ownButtons(user, leave) {
  const out = h("button", { type: "button", class: "pill narrow", onclick: leave }, "Sign out");
  const muted = link("/muted-words", { class: "pill narrow" }, "Muted words");
  return h("div", { class: "bar" }, out, muted, editButton(user));
}

function editButton(user) {
  const open = () => {
    const wrong = h("p", { class: "wrong", role: "alert", hidden: true });
    const name = h("input", { name: "display_name", value: user.display_name, maxlength: "50", required: true, dir: "auto" });
    const bio = h("textarea", { name: "bio", rows: "3", maxlength: "160", dir: "auto" }, user.bio ?? "");
    const only = h("input", { type: "checkbox", name: "protected", checked: user.protected, "aria-describedby": "protected-hint" });
    const dialog = h(
      "dialog",
      { class: "sheet", "aria-label": "Edit your profile" },
      h(
        "form",
        { class: "fields", onsubmit: save },
        h("h2", {}, "Edit your profile"),
        h("label", {}, "Name", name),
        h("label", {}, "About you", bio),
        h("label", { class: "check" }, only, h("span", {}, icon("lock"), " Protect your posts")),
        h("p", { class: "soft small", id: "protected-hint" }, "Then only followers whom you approve see what you post, and what you have posted. To open your account again approves all who ask."),
        wrong,
        h("div", { class: "bar" }, h("button", { type: "button", class: "pill", onclick: () => dialog.close() }, "Not now"), h("button", { class: "pill strong" }, "Save")),
      ),
    );
    async function save(event) {
      event.preventDefault();
      try {
        await api.update(user.user_id, { display_name: name.value, bio: bio.value, ...(only.checked === (user.protected === true) ? {} : { protected: only.checked }) });
        dialog.close();
        say("Your profile is changed");
        dispatchEvent(new CustomEvent("aviary:profile"));
      } catch (error) {
        wrong.textContent = error.message;
        wrong.hidden = false;
      }
    }
    dialog.addEventListener("close", () => dialog.remove());
    document.body.append(dialog);
    dialog.showModal();
  };
  return h("button", { type: "button", class: "pill", onclick: open }, "Edit profile");
}
